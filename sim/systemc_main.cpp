// The sc_main that libsystemc asks for. Never called: an ordinary main() calls sc_start() itself.
#include <systemc>

int sc_main(int /*argc*/, char* /*argv*/[]) { return 1; }
