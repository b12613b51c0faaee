// The sc_main that libsystemc asks for. Never called: Terrace has an ordinary main() and calls sc_start() itself.
#include <systemc>

int sc_main(int /*argc*/, char* /*argv*/[]) { return 1; }
