// The version of the code a record was made with, as `git describe` tells it.
#pragma once

namespace terrace {

// "v0.1-3-g0123456789ab", with "-dirty" for uncommitted changes; "unknown" without git.
const char* code_version();

}  // namespace terrace
