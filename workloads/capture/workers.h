// Threads that share out the parts of one piece of work; slow ones take fewer parts.
#pragma once

#include <cstdint>
#include <functional>

namespace terrace {

// Calls work(0), …, work(parts - 1) on all threads and returns when all are done. Inside a part,
// and with one thread, they run one after the other. `work` does not throw.
void share_out(std::int64_t parts, const std::function<void(std::int64_t)>& work);

// [first, last) of `count` things, in parts of `least` at least, some for each thread.
void share_out_range(std::int64_t count, std::int64_t least,
                     const std::function<void(std::int64_t first, std::int64_t last)>& work);

void compute_threads(int threads);  // of the process; at first as many as there are processors
int compute_threads();

}  // namespace terrace
