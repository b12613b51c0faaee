// A doubly linked line over entry numbers.
#include "workloads/serving/eviction/eviction.h"

namespace terrace {

void EntryLine::push_back(std::int32_t entry) {
  if (links_.size() <= at(entry)) links_.resize(at(entry) + 1);
  links_[at(entry)] = {last_, end};
  (last_ == end ? first_ : links_[at(last_)].next) = entry;
  last_ = entry;
  ++size_;
}

void EntryLine::erase(std::int32_t entry) {
  const Link link = links_[at(entry)];
  (link.before == end ? first_ : links_[at(link.before)].next) = link.next;
  (link.next == end ? last_ : links_[at(link.next)].before) = link.before;
  --size_;
}

}  // namespace terrace
