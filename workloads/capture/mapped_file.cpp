// Maps files read-only; every failure is one line that names the file.
#include "workloads/capture/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/uuid/detail/sha1.hpp>
#include <cerrno>

namespace terrace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the files are little endian");

MappedFile::MappedFile(const std::string& name) : name_(name) {
  const int file = ::open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) fail(std::strerror(errno));
  struct stat status = {};
  const int stated = ::fstat(file, &status);
  void* at = nullptr;
  std::string why;
  if (stated != 0) {
    why = std::strerror(errno);
  } else if (!S_ISREG(status.st_mode)) {
    why = S_ISDIR(status.st_mode) ? "Is a directory" : "Not a regular file";
  } else if (status.st_size == 0) {
    why = "is empty";
  } else {
    at = ::mmap(nullptr, static_cast<std::size_t>(status.st_size), PROT_READ, MAP_PRIVATE, file, 0);
    if (at == MAP_FAILED) why = std::strerror(errno);
  }
  ::close(file);
  if (!why.empty()) fail(why);
  bytes_ = {static_cast<const char*>(at), static_cast<std::size_t>(status.st_size)};
  mapped_ = true;
}

MappedFile::~MappedFile() {
  if (mapped_) ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
}

std::string MappedFile::sha1() const {
  boost::uuids::detail::sha1 hash;
  hash.process_bytes(bytes_.data(), bytes_.size());
  unsigned int digest[5] = {};
  hash.get_digest(digest);
  std::string text;
  for (const unsigned int word : digest) text += fmt::format("{:08x}", word);
  return text;
}

void ByteCursor::ended(std::uint64_t bytes, const char* what) const {
  file_.fail(fmt::format("byte {}: the file ends inside {} ({} bytes are needed, {} are left)", at_,
                         what, bytes, left()));
}

}  // namespace terrace
