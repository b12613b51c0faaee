// Reads YAML through yaml-cpp's events into the config tree, and resolves `extends`. Part of
// config.h.
#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>

#include "sim/config.h"
#include "sim/text_file.h"

namespace terrace {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_depth = 100;
constexpr std::size_t max_nodes = 250'000;  // with aliases and extended files expanded
constexpr std::size_t max_mistakes = 1000;

using FileName = std::shared_ptr<const std::string>;

struct Stop {  // reading a file cannot go on
  Place place;
  std::string what;
};

std::size_t count(const Node& node) {
  std::size_t n = 1;
  for (const Node& item : node.items()) n += count(item);
  for (const Node::Member& m : node.members()) n += count(m.value);
  return n;
}

std::size_t depth(const Node& node) {
  std::size_t d = 0;
  for (const Node& item : node.items()) d = std::max(d, depth(item));
  for (const Node::Member& m : node.members()) d = std::max(d, depth(m.value));
  return d + 1;
}

// Builds the tree from yaml-cpp's events.
class Builder final : public YAML::EventHandler {
 public:
  Builder(FileName file, Mistakes& mistakes, const std::string& path, std::size_t& nodes)
      : file_(std::move(file)), mistakes_(mistakes), path_(path), nodes_(nodes) {}

  Node root;

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (documents_++ > 0)
      throw Stop{place(mark), "more text after the end of the document; a file holds one"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    done(Node::null(place(mark)), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Stop{place(mark), "an alias inside of its own anchor"};
    if (depth(found->second) + open_.size() > max_depth) too_deep(place(mark));
    grow(count(found->second), place(mark));
    done(found->second, 0);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    reject_tag(mark, tag);
    done(Node::scalar(value, place(mark), tag == "!"), anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    reject_tag(mark, tag);
    start(Node::sequence(place(mark)), anchor);
  }
  void OnSequenceEnd() override { end(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    reject_tag(mark, tag);
    start(Node::mapping(place(mark)), anchor);
  }
  void OnMapEnd() override { end(); }

 private:
  struct Open {
    Node node;
    YAML::anchor_t anchor = 0;
    std::map<std::string, int> lines;  // of the keys so far
    bool has_key = false;
    bool skip = false;  // the value of a key that is wrong
    std::string key;
    Place key_place;
  };

  Place place(const YAML::Mark& mark) const {
    return {file_, std::max(mark.line, 0) + 1, std::max(mark.column, 0) + 1};
  }
  std::string path() const {
    std::string path = path_;
    for (const Open& open : open_) {
      if (open.node.is_sequence())
        path = join_path(path, open.node.items().size());
      else if (open.has_key)
        path = join_path(path, open.key);
    }
    return path;
  }
  void reject_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!")
      mistakes_.add(place(mark), path(), fmt::format("tag \"{}\" is not understood here", tag));
  }
  [[noreturn]] void too_deep(const Place& at) const {
    throw Stop{at, fmt::format("nested deeper than {} levels", max_depth)};
  }
  void grow(std::size_t n, const Place& at) {
    nodes_ += n;
    if (nodes_ > max_nodes)
      throw Stop{at, fmt::format("too large: more than {} values, aliases expanded", max_nodes)};
  }
  void start(Node node, YAML::anchor_t anchor) {
    if (open_.size() >= max_depth) too_deep(node.place());
    grow(1, node.place());
    Open open;
    open.node = std::move(node);
    open.anchor = anchor;
    open_.push_back(std::move(open));
  }
  void end() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    done(std::move(closed.node), closed.anchor);
  }
  void key(const Node& node) {
    Open& open = open_.back();
    open.has_key = true;
    open.key = node.text();
    open.key_place = node.place();
    open.skip = !node.is_scalar() || node.text() == "<<";
    if (!node.is_scalar()) {
      open.key = "?";
      mistakes_.add(node.place(), path(),
                    fmt::format("a key must be a word, not {}", node.found()));
    } else if (open.skip) {
      mistakes_.add(node.place(), path(),
                    "merge keys (<<) are not used here; write `extends: file.yaml`");
    } else {
      const auto [first, fresh] = open.lines.emplace(node.text(), node.place().line);
      open.skip = !fresh;
      if (!fresh && mistakes_.size() > max_mistakes) throw Stop{node.place(), "too many mistakes"};
      if (!fresh)
        mistakes_.add(node.place(), path(),
                      fmt::format("duplicate key, first given in line {}", first->second));
    }
  }
  void done(Node node, YAML::anchor_t anchor) {
    if (!node.is_mapping() && !node.is_sequence()) grow(1, node.place());
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root = std::move(node);
      return;
    }
    Open& open = open_.back();
    if (open.node.is_sequence()) {
      open.node.items().push_back(std::move(node));
    } else if (!open.has_key) {
      key(node);
    } else {
      open.has_key = false;
      if (open.skip) return;
      if (!node.is_scalar()) node.place(open.key_place);  // a mapping is where its key is
      open.node.members().push_back({std::move(open.key), open.key_place, std::move(node)});
    }
  }

  FileName file_;
  Mistakes& mistakes_;
  std::string path_;
  std::size_t& nodes_;
  int documents_ = 0;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, Node> anchors_;
};

// Loads a file and the files that it extends, each once.
class Loader {
 public:
  explicit Loader(Mistakes& mistakes) : mistakes_(mistakes) {}

  // The contents of a file that is named at `from`; null when it cannot be read.
  Node load(const std::string& written, const Place& from, const std::string& path) {
    std::vector<fs::path> tried;
    const fs::path file = find(written, directory_of(from), tried);
    if (file.empty()) {
      mistakes_.add(from, path, not_found(written, tried));
      return Node::null(from);
    }
    std::error_code ignored;
    const std::string identity = fs::weakly_canonical(file, ignored).string();
    const auto cached = done_.find(identity);
    if (cached != done_.end()) {
      nodes_ += count(cached->second);
      return check_size(cached->second, from, path);
    }
    const auto same = [&](const auto& open) { return open.first == identity; };
    const auto cycle = std::find_if(chain_.begin(), chain_.end(), same);
    if (cycle != chain_.end()) {
      std::string names;
      for (auto link = cycle; link != chain_.end(); ++link) names += link->second + " -> ";
      mistakes_.add(from, path, "a file extends itself: " + names + file.string());
      return Node::null(from);
    }
    const auto name = std::make_shared<const std::string>(file.string());
    std::string text, why;
    if (!read_text_file(*name, text, why)) {
      mistakes_.add(from.file ? from : Place{name, 0, 0}, path,
                    fmt::format("cannot read \"{}\": {}", from.file ? written : *name, why));
      return Node::null(from);
    }
    chain_.emplace_back(identity, *name);
    auto parsed = parse(text, name, path);
    Node node = Node::null(from);
    if (parsed) {
      node = parsed->is_null() ? Node::mapping(parsed->place()) : std::move(*parsed);
      expand(node, path);
    }
    chain_.pop_back();
    done_[identity] = node;
    return check_size(node, from, path);
  }

  // Nothing, with mistakes, when the text is not YAML.
  std::optional<Node> parse(std::string_view text, const FileName& name, const std::string& path) {
    Builder builder(name, mistakes_, path, nodes_);
    builder.root = Node::null(Place{name, 1, 1});
    try {
      if (const auto bad = find_non_text(text))
        throw Stop{{name, bad->line, bad->column}, bad->what};
      std::istringstream stream{std::string(text)};
      YAML::Parser parser(stream);
      while (parser.HandleNextDocument(builder)) {
      }
      YAML::LoadAll(std::string(text) +
                    "\n...\n");  // yaml-cpp 0.7 sees an open quote only before an end marker
      return std::move(builder.root);
    } catch (const Stop& stop) {
      mistakes_.add(stop.place, "", stop.what);
    } catch (const YAML::Exception& e) {
      const bool open_quote = e.msg.find("document indicator in scalar") != std::string::npos;
      mistakes_.add({name, std::max(e.mark.line, 0) + 1, std::max(e.mark.column, 0) + 1}, "",
                    open_quote ? "a quote is never closed" : e.msg);
    } catch (const std::exception& e) {
      mistakes_.add({name, 1, 1}, "", e.what());
    }
    return std::nullopt;
  }

  // Puts every mapping with `extends` over what it extends.
  void expand(Node& node, const std::string& path) {
    for (std::size_t i = 0; i < node.items().size(); ++i)
      expand(node.items()[i], join_path(path, i));
    for (Node::Member& m : node.members())
      if (m.key != "extends") expand(m.value, join_path(path, m.key));
    auto extends = node.take("extends");
    if (!extends) return;
    const std::string here = join_path(path, "extends");
    Node result = Node::mapping(node.place());
    std::vector<Node> files;
    if (extends->value.is_sequence())
      files = extends->value.items();
    else
      files.push_back(extends->value);
    for (const Node& file : files) {
      if (!file.is_scalar() || file.text().empty()) {
        mistakes_.add(file.place(), here, "expected a file name, found " + file.found());
        node.incomplete(true);
        continue;
      }
      Node base = load(file.text(), file.place(), here);
      if (!base.is_mapping()) node.incomplete(true);
      if (base.is_null()) continue;  // already reported
      if (base.is_mapping())
        merge(result, std::move(base), mistakes_, path);
      else
        mistakes_.add(file.place(), here,
                      fmt::format("\"{}\" holds {}, not a mapping", file.text(), base.found()));
    }
    merge(result, std::move(node), mistakes_, path);
    node = std::move(result);
  }

 private:
  static fs::path find(const std::string& written, const std::string& directory,
                       std::vector<fs::path>& tried) {
    std::error_code ignored;
    std::vector<fs::path> candidates = {fs::path(directory) / written};
    if (!fs::path(written).is_absolute())
      for (const std::string& each : config_search_path())
        candidates.push_back(fs::path(each) / written);
    for (const fs::path& each : candidates) {
      fs::path file = each.lexically_normal();
      if (fs::exists(file, ignored)) return file;
      tried.push_back(file);
    }
    return {};
  }

  static std::string not_found(const std::string& written, const std::vector<fs::path>& tried) {
    std::vector<std::string> near;
    std::string looked;
    for (const fs::path& each : tried) {
      std::error_code ignored;
      const fs::path directory = each.has_parent_path() ? each.parent_path() : fs::path(".");
      looked += (looked.empty() ? "" : ", ") + directory.string();
      for (fs::directory_iterator i(directory, ignored), last; !ignored && i != last;
           i.increment(ignored))
        near.push_back((fs::path(written).parent_path() / i->path().filename()).string());
    }
    std::sort(near.begin(), near.end());
    return fmt::format("cannot read \"{}\": No such file (looked in {}){}", written, looked,
                       did_you_mean(written, near));
  }

  Node check_size(const Node& node, const Place& from, const std::string& path) {
    if (nodes_ <= max_nodes) return node;
    if (!too_large_ && mistakes_.empty())
      mistakes_.add(from, path, fmt::format("too large: more than {} values in all", max_nodes));
    too_large_ = true;
    return Node::null(from);
  }

  Mistakes& mistakes_;
  std::vector<std::pair<std::string, std::string>> chain_;  // files being read: canonical, as shown
  std::map<std::string, Node> done_;
  std::size_t nodes_ = 0;
  bool too_large_ = false;
};

Node unread() {
  Node node = Node::mapping();
  node.incomplete(true);
  return node;
}

}  // namespace

Node load_config(const std::string& path, Mistakes& mistakes) {
  Node node = Loader(mistakes).load(path, Place{}, "");
  return node.is_null() ? unread() : node;
}

Node parse_config(std::string_view text, const std::string& file_name, Mistakes& mistakes) {
  Loader loader(mistakes);
  auto parsed = loader.parse(text, std::make_shared<const std::string>(file_name), "");
  if (!parsed) return unread();
  loader.expand(*parsed, "");
  return std::move(*parsed);
}

bool include_file(Node& node, Mistakes& mistakes, const std::string& path) {
  Node read = Loader(mistakes).load(node.text(), node.place(), path);
  if (read.is_null()) return false;
  node = std::move(read);
  return true;
}

std::vector<std::string> config_search_path() {
  std::vector<std::string> directories;
  if (const char* given = std::getenv("TERRACE_CONFIGS")) {
    std::istringstream list(given);
    for (std::string each; std::getline(list, each, ':');)
      if (!each.empty()) directories.push_back(each);
  }
#ifdef TERRACE_CONFIG_DIR
  directories.emplace_back(TERRACE_CONFIG_DIR);
#endif
  directories.emplace_back("configs");
  return directories;
}

}  // namespace terrace
