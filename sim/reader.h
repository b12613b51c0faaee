// What reads a config node by node, and what gathers its description. Users include schema.h.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <typeindex>
#include <utility>
#include <vector>

#include "sim/config.h"

namespace terrace {

// A file named in a config: beside the YAML file that names it, else relative to the cwd, else
// among the shipped configs.
struct FilePath {
  std::string written;
  std::string resolved;
  bool empty() const { return written.empty(); }
};

// One row of `terrace list`.
struct FieldDoc {
  std::string key, type, unit, range, default_text, meaning;
  bool required = false;
  std::vector<FieldDoc> nested;
};

// Reads nodes, knows the path it is at, and collects every mistake.
class Reader {
 public:
  explicit Reader(Mistakes& mistakes) : mistakes_(mistakes) {}
  const std::string& path() const { return path_; }
  Mistakes& mistakes() { return mistakes_; }
  std::vector<std::string>& files() { return files_; }  // that the config names, as resolved
  void fail(const Node& at, std::string what) { mistakes_.add(at.place(), path_, std::move(what)); }
  void fail(const Place& at, std::string what) { mistakes_.add(at, path_, std::move(what)); }
  // Silent inside of a mapping that could not be read whole.
  void missing(const Node& mapping, const std::string& key);
  void check_keys(const Node& mapping, const std::vector<std::string>& known, bool has_kind);

  class Inside {  // one step further down the path, for as long as this lives
   public:
    Inside(Reader& reader, std::string path) : reader_(reader) {
      reader.path_.swap(path);
      up_ = path;
    }
    ~Inside() { reader_.path_.swap(up_); }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

   private:
    Reader& reader_;
    std::string up_;
  };
  Inside enter(const std::string& key) { return Inside(*this, join_path(path_, key)); }
  Inside enter(std::size_t index) { return Inside(*this, join_path(path_, index)); }

 private:
  friend class Mapping;
  Mistakes& mistakes_;
  int incomplete_ = 0;  // how many of the mappings around could not be read whole
  std::string path_;
  std::vector<std::string> including_, files_;
};

// A mapping being read, a file reference already resolved; false when the node is something else.
class Mapping {
 public:
  Mapping(const Node& node, Reader& reader, const std::string& expected = "a mapping");
  ~Mapping();
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  explicit operator bool() const { return valid_; }
  const Node& operator*() const { return own_ ? *own_ : node_; }
  Node& own();  // a copy that may be changed

 private:
  const Node& node_;
  Reader& reader_;
  std::optional<Node> own_;
  bool valid_ = false, included_ = false, incomplete_ = false;
};

// Gathers the definitions of a JSON Schema.
class SchemaBuilder {
 public:
  // A reference to the definition, which `make` writes when it is first asked for.
  template <class Make>
  Node refer(std::type_index type, const std::string& name, Make make) {
    const auto known = names_.find(type);
    if (known != names_.end()) return reference(known->second);
    const std::string unique = names_[type] = unused(name);
    definitions_.put(unique, Node::mapping());
    definitions_.put(unique, make());
    return reference(unique);
  }
  Node finish(Node root) const;

 private:
  static Node reference(const std::string& name);
  std::string unused(const std::string& name) const;
  Node definitions_ = Node::mapping();
  std::map<std::type_index, std::string> names_;
};

class DocBuilder {  // stops where a struct holds itself
 public:
  std::vector<std::type_index> open;
};

}  // namespace terrace
