// What a user wrote in YAML, as a tree that knows where every word stands, and the mistakes in it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/suggest.h"

namespace terrace {

// Where something is written. Lines and columns count from 1; the file is named as the user named
// it.
struct Place {
  std::shared_ptr<const std::string> file;
  int line = 0;
  int column = 0;
  std::string file_name() const { return file ? *file : std::string(); }
  std::string text() const;  // "file:line:column"; empty when nothing is known
};

struct Mistake {
  Place place;
  std::string path;  // "system[0].latency"
  std::string what;
  std::string text() const;  // "file:line:column: path: what"
};

class Mistakes {
 public:
  void add(Place place, std::string path, std::string what);
  std::size_t size() const { return all_.size(); }
  bool empty() const { return all_.empty(); }
  const std::vector<Mistake>& all() const { return all_; }
  void raise() const;  // throws ConfigError if there are any

 private:
  std::vector<Mistake> all_;
};

// Every mistake of a config at once, sorted by file and line; what() has one line for each.
class ConfigError : public std::runtime_error {
 public:
  explicit ConfigError(const Mistakes& mistakes);
  explicit ConfigError(Mistake mistake);
  const std::vector<Mistake>& mistakes() const { return mistakes_; }

 private:
  explicit ConfigError(std::vector<Mistake> sorted);
  std::vector<Mistake> mistakes_;
};

// A value as written: nothing, a word, a list, or a mapping whose keys keep their order and place.
class Node {
 public:
  enum class Kind { null, scalar, sequence, mapping };
  struct Member;

  Node() = default;
  static Node null(Place place = {});
  static Node scalar(std::string text, Place place = {}, bool quoted = false);
  static Node sequence(Place place = {});
  static Node mapping(Place place = {});

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::null; }
  bool is_scalar() const { return kind_ == Kind::scalar; }
  bool is_sequence() const { return kind_ == Kind::sequence; }
  bool is_mapping() const { return kind_ == Kind::mapping; }
  const Place& place() const { return place_; }
  void place(Place place) { place_ = std::move(place); }

  const std::string& text() const { return text_; }  // of a scalar
  bool quoted() const { return quoted_; }            // "3" is a string, 3 is a number
  std::string found() const;                         // for messages: `the string "3"`, "a list"

  // Set on a mapping of which a part could not be read: what it lacks may not be the user's
  // mistake.
  bool incomplete() const { return incomplete_; }
  void incomplete(bool incomplete) { incomplete_ = incomplete; }

  std::vector<Node>& items() { return items_; }  // of a sequence
  const std::vector<Node>& items() const { return items_; }

  std::vector<Member>& members() { return members_; }  // of a mapping
  const std::vector<Member>& members() const { return members_; }
  Node* find(std::string_view key);  // null when absent
  const Node* find(std::string_view key) const;
  Node& put(const std::string& key, Node value, Place key_place = {});  // replaces or appends
  std::optional<Member> take(std::string_view key);                     // removes and returns

 private:
  Kind kind_ = Kind::null;
  bool quoted_ = false;
  bool incomplete_ = false;
  Place place_;
  std::string text_;
  std::vector<Node> items_;
  std::vector<Member> members_;
};

struct Node::Member {
  std::string key;
  Place place;
  Node value;
};

// Reads a YAML or JSON file and everything that its mappings extend. Never throws for what a file
// contains: each problem becomes a mistake, and what could be read is returned. An empty file is an
// empty mapping.
//
// `extends: other.yaml` (or a list, later ones winning) in any mapping puts this mapping over that
// file: mappings merge key by key, anything else replaces. A mapping whose `kind` differs from that
// of the mapping below replaces it whole, as the other kind's keys mean nothing to it. A file is
// looked for beside the file that names it, then in $TERRACE_CONFIGS (colon-separated), in the
// configs that Terrace was built with, and in ./configs.
Node load_config(const std::string& path, Mistakes& mistakes);
Node parse_config(std::string_view text, const std::string& file_name, Mistakes& mistakes);

// A scalar such as `h100.yaml` that stands for the mapping in that file.
bool is_file_reference(const Node& node);
// Replaces a file reference by what the file says; false (and a mistake) when it cannot be read.
bool include_file(Node& node, Mistakes& mistakes, const std::string& path = "");
// Puts `over` on top of `base`, by the rules of `extends`.
void merge(Node& base, Node over, Mistakes& mistakes, const std::string& path = "");

// "a.b[2].c=value", the value in YAML. Missing steps of the path are created (the schema will
// know); one that is a file reference is read first; a bare word becomes {kind: word}. Keys with
// dots are written a["x.y"].b. An index one past the end appends.
void set(Node& root, std::string_view assignment, Mistakes& mistakes);
void set(Node& root, std::string_view path, Node value, Mistakes& mistakes);

// The place of a path, or of its nearest ancestor that is written; looks into referenced files.
Place locate(const Node& root, std::string_view path);

struct PathStep {  // one step of a path: a key or an index
  std::string key;
  std::optional<std::size_t> index;
};
std::optional<std::vector<PathStep>> parse_path(std::string_view path, std::string& why);
// Where files that a config names are looked for, beside its own folder: $TERRACE_CONFIGS, a list
// with colons; the program's own; ./configs.
std::vector<std::string> config_search_path();

std::string join_path(const std::string& parent, std::string_view key);
std::string join_path(const std::string& parent, std::size_t index);
std::string join_paths(const std::string& parent, const std::string& child);

// The directory in which a relative name written at this place is looked for first; "" is the cwd.
std::string directory_of(const Place& place);

}  // namespace terrace
