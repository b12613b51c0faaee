// The program `terrace`.
#include "explore/front_door.h"

int main(int argc, char** argv) { return terrace::front_door(argc, argv); }
