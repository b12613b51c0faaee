// TLM-2.0 sockets for burst-level devices: the only file that names TLM phases. Approximately timed
// base protocol (IEEE 1666-2011, 15): BEGIN_REQ, END_REQ when the device has taken it, BEGIN_RESP
// with the last byte, which completes. One request is open at a socket until its END_REQ.
#pragma once

#include <tlm.h>
#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <functional>
#include <memory>
#include <systemc>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/burst.h"

namespace terrace {

// 1 ps of the simulator is 1 ps of SystemC; sim/simulate.h keeps the default resolution.
inline sc_core::sc_time to_sc(Time t) {
  return sc_core::sc_time::from_value(static_cast<sc_dt::uint64>(t.ps()));
}
inline Time from_sc(const sc_core::sc_time& t) {
  return Time::ps(static_cast<std::int64_t>(t.value()));
}

// A burst-level device behind a target socket.
class BurstTarget : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<BurstTarget> socket;

  BurstTarget(sc_core::sc_module_name name, BurstDevice& device)
      : sc_module(name), socket("socket"), device_(device) {
    socket.register_nb_transport_fw(this, &BurstTarget::forward);
    SC_HAS_PROCESS(BurstTarget);
    SC_METHOD(step);
    sensitive << wake_;
    dont_initialize();
  }

 private:
  using Payload = tlm::tlm_generic_payload;

  tlm::tlm_sync_enum forward(Payload& payload, tlm::tlm_phase& phase, sc_core::sc_time& delay) {
    if (phase != tlm::BEGIN_REQ || delay != sc_core::SC_ZERO_TIME || refused_ != nullptr) {
      payload.set_response_status(tlm::TLM_GENERIC_ERROR_RESPONSE);
      return tlm::TLM_COMPLETED;
    }
    if (!take(payload)) {
      refused_ = &payload;
      return tlm::TLM_ACCEPTED;
    }
    phase = tlm::END_REQ;
    return tlm::TLM_UPDATED;
  }

  bool take(Payload& payload) {
    std::uint64_t id = free_.empty() ? open_.size() : free_.back();
    BurstRequest request;
    request.id = id;
    request.address = payload.get_address();
    request.bytes = payload.get_data_length();
    request.direction = payload.is_write() ? Direction::write : Direction::read;
    const bool taken = device_.offer(request, from_sc(sc_core::sc_time_stamp()));
    if (taken) {
      if (free_.empty())
        open_.push_back(&payload);
      else
        open_[free_.back()] = &payload, free_.pop_back();
    }
    plan();
    return taken;
  }

  void step() {
    answers_.clear();
    device_.advance(from_sc(sc_core::sc_time_stamp()), answers_);
    for (const BurstAnswer& answer : answers_) {
      Payload* payload = std::exchange(open_[answer.id], nullptr);
      free_.push_back(answer.id);
      payload->set_response_status(tlm::TLM_OK_RESPONSE);
      tlm::tlm_phase phase = tlm::BEGIN_RESP;
      sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
      socket->nb_transport_bw(*payload, phase, delay);
    }
    if (refused_ != nullptr && take(*refused_)) {
      Payload* payload = std::exchange(refused_, nullptr);
      tlm::tlm_phase phase = tlm::END_REQ;
      sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
      socket->nb_transport_bw(*payload, phase, delay);
    }
    plan();
  }

  void plan() {
    const Time next = device_.next_event();
    wake_.cancel();
    if (next == Time::never()) return;
    const sc_core::sc_time at = to_sc(next), now = sc_core::sc_time_stamp();
    wake_.notify(at > now ? at - now : sc_core::SC_ZERO_TIME);
  }

  BurstDevice& device_;
  sc_core::sc_event wake_;
  std::vector<Payload*> open_;
  std::vector<std::uint64_t> free_;
  std::vector<BurstAnswer> answers_;
  Payload* refused_ = nullptr;
};

// Sends requests through an initiator socket and hears of their end.
class BurstInitiator : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<BurstInitiator> socket;
  std::function<void(std::uint64_t id, Time at)> answered;
  std::function<void()> ready;  // the request that had to wait was taken

  explicit BurstInitiator(sc_core::sc_module_name name) : sc_module(name), socket("socket") {
    socket.register_nb_transport_bw(this, &BurstInitiator::backward);
  }

  // False: the one before still waits for room; try again when ready() is called.
  bool send(const BurstRequest& request) {
    if (waits_) return false;
    if (free_.empty()) {
      payloads_.push_back(std::make_unique<Entry>());
      free_.push_back(payloads_.back().get());
      owners_[&free_.back()->payload] = free_.back();
    }
    Entry* entry = free_.back();
    free_.pop_back();
    entry->id = request.id;
    entry->payload.set_address(request.address);
    entry->payload.set_data_length(request.bytes);
    entry->payload.set_streaming_width(request.bytes);
    entry->payload.set_command(request.direction == Direction::write ? tlm::TLM_WRITE_COMMAND
                                                                     : tlm::TLM_READ_COMMAND);
    entry->payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    tlm::tlm_phase phase = tlm::BEGIN_REQ;
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    waits_ = socket->nb_transport_fw(entry->payload, phase, delay) == tlm::TLM_ACCEPTED;
    return true;
  }

 private:
  struct Entry {
    tlm::tlm_generic_payload payload;
    std::uint64_t id = 0;
  };

  tlm::tlm_sync_enum backward(tlm::tlm_generic_payload& payload, tlm::tlm_phase& phase,
                              sc_core::sc_time&) {
    if (phase == tlm::END_REQ) {
      waits_ = false;
      if (ready) ready();
      return tlm::TLM_ACCEPTED;
    }
    Entry* entry = owners_.at(&payload);
    const std::uint64_t id = entry->id;
    free_.push_back(entry);
    if (answered) answered(id, from_sc(sc_core::sc_time_stamp()));
    return tlm::TLM_COMPLETED;
  }

  std::vector<std::unique_ptr<Entry>> payloads_;
  std::vector<Entry*> free_;
  std::unordered_map<const tlm::tlm_generic_payload*, Entry*> owners_;
  bool waits_ = false;
};

}  // namespace terrace
