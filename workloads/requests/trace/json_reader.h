// JSON Lines: one object per line, its members handed out one by one, no tree built.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/requests/trace/numbers.h"
#include "workloads/requests/trace/trace_text.h"

namespace terrace {

class JsonReader {
 public:
  explicit JsonReader(TraceText& text) : text_(text) {}

  bool next();  // enters the object on the next line that is not blank; false at the end
  // Its next member: its key, as written. False at the end of the object, or after a mistake in
  // the line: then good() is false and the rest of the line is not read.
  bool member(std::string_view& key);
  bool good() const { return good_; }

  // Exactly one of these after each member(); false after a mistake.
  bool number(std::string_view& text);
  bool count(std::int64_t low, std::int64_t high, std::int64_t& out);
  template <class Integer>
  bool counts(std::int64_t high, std::vector<Integer>& out);  // a list of 0 … high: appended
  bool time(int exponent, TracePs& out);                      // see parse_time
  bool skip();                                                // anything

  const char* place() const { return value_; }  // of the present member's value
  // A mistake at that place, or somewhere in the line; good() is false from here on.
  void fail(const char* place, std::string_view key, const std::string& what);

 private:
  bool stop(const char* at, const std::string& what);  // ends the line
  void blanks();
  bool take(char c);
  bool string(std::string_view& inside);
  bool value(int depth);
  const char* number_end() const;  // of the number at at_; nullptr: there is none
  std::string found() const;       // what stands at at_, for messages

  TraceText& text_;
  const char* at_ = nullptr;
  const char* end_ = nullptr;
  const char* value_ = nullptr;
  std::string_view key_;
  bool first_ = true, good_ = true;
};

// The members that one kind of trace has, in any order, each at most once.
class JsonRow {
 public:
  // The first `required` of the keys must be there; what is neither a key nor ignored is a mistake.
  JsonRow(JsonReader& json, std::vector<std::string> keys, std::size_t required,
          const std::vector<std::string>& ignored);
  void begin();  // in a new object
  bool next();   // to the next known member; false at the end or after a mistake
  std::size_t index() const { return index_; }  // of its key
  bool seen(std::size_t key) const { return places_[key] != nullptr; }
  void fail(std::size_t key, const std::string& what);

 private:
  JsonReader& json_;
  std::vector<std::string> keys_;
  std::size_t required_, index_ = 0;
  const std::vector<std::string>& ignored_;
  std::vector<const char*> places_;
};

}  // namespace terrace
