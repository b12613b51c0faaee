#!/usr/bin/env python3
"""Captures Q, K, V and layer inputs of a Hugging Face model as a Terrace trace.

  scripts/capture_hf.py MODEL TEXT --out FILE [--tokens N] [--offset N] [--layers 0..3,7]
                        [--tensors q,k,v,x] [--storage int8|fp16]

MODEL is a name on the Hub or a folder: a decoder whose layers are model.model.layers[i] with
self_attn.{q,k,v}_proj and rotary embedding of whole heads in halves (Llama, Mistral, Qwen2, Qwen3,
SmolLM). Needs numpy, zstandard, torch and transformers. The format is described in
workloads/capture/trace.h.
"""
import argparse
import hashlib
import json
import os
import struct
import sys
import zlib

import numpy as np
import zstandard

TENSORS = ["q", "k", "v", "x", "q_raw", "k_raw", "residual", "wq", "wk", "wv"]
WEIGHTS = {"wq", "wk", "wv"}


class TraceWriter:
    """Writes FILE.part and renames it at the end of the `with` block; after an error nothing is left."""

    def __init__(self, file, header):
        self.file, self.header, self.index = file, header, []
        self.part = f"{file}.part{os.getpid()}"

    def __enter__(self):
        text = json.dumps(self.header, separators=(",", ":")).encode()
        self.out = open(self.part, "wb")
        self.out.write(b"TERRACE1" + struct.pack("<II", len(text), zlib.crc32(text)) + text)
        return self

    def add(self, layer, tensor, first, values):
        """Rows [first, first + n) of a tensor: values are [heads][n][columns]."""
        values = np.ascontiguousarray(values, dtype=np.float32)
        where = f"{tensor} of layer {layer}"
        if not np.isfinite(values).all():
            raise SystemExit(f"{self.file}: {where} holds NaN or infinity")
        top = np.abs(values).max(axis=-1)
        if self.header["tensors"][tensor] == "int8":
            top = np.where(top < 1e-30, 0, top)
            scale = (top / np.float32(127)).astype("<f4")
            inverse = np.divide(np.float32(127), top, out=np.zeros_like(top), where=top > 0)
            raw = scale.tobytes() + np.rint(values * inverse[..., None]).astype(np.int8).tobytes()
        else:
            if top.max() > 65504:
                raise SystemExit(f"{self.file}: {where} holds {top.max()}, more than fp16 can")
            raw = values.astype("<f2").tobytes()
        packed = zstandard.ZstdCompressor(level=3).compress(raw)
        self.index.append(struct.pack("<QIIIIIIII", self.out.tell(), len(packed), len(raw), layer,
                                      TENSORS.index(tensor), first, values.shape[1],
                                      zlib.crc32(packed), 0))
        self.out.write(packed)

    def __exit__(self, kind, *_):
        try:
            if kind is None:
                index = b"".join(self.index)
                self.out.write(index + struct.pack("<II", len(self.index), zlib.crc32(index)))
                self.out.write(b"TRC-END1")
                self.out.flush()
                os.fsync(self.out.fileno())
                self.out.close()
                os.rename(self.part, self.file)
        finally:
            self.out.close()
            if os.path.exists(self.part):
                os.unlink(self.part)


def make_header(model, text, shape, rope, tensors, layers, token_ids, command):
    return {
        "format": "terrace KV trace", "version": 1,
        "model": {"name": model[0], "sha1": model[1]}, "text": {"name": text[0], "sha1": text[1]},
        "command": command, "shape": shape, "rope": rope, "tensors": tensors, "layers": layers,
        "token_ids": token_ids, "positions": list(range(len(token_ids))),
    }


def rotate_halves(rows, frequencies):
    """rows [heads][tokens][channels], from position 0 on."""
    angles = np.arange(rows.shape[1])[:, None] * np.asarray(frequencies)[None, :]
    c, s = np.cos(angles), np.sin(angles)
    half = len(frequencies)
    a, b = rows[..., :half], rows[..., half:2 * half]
    return np.concatenate([a * c - b * s, a * s + b * c, rows[..., 2 * half:]], axis=-1)


def number_list(text, layers):
    numbers = []
    for part in text.split(","):
        first, _, last = part.partition("..")
        numbers += range(int(first), int(last or first) + 1)
    numbers = sorted(set(numbers))
    if not numbers or numbers[0] < 0 or numbers[-1] >= layers:
        raise SystemExit(f"--layers {text}: the model's are 0..{layers - 1}")
    return numbers


def capture(args):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with open(args.text, "rb") as file:
        text = file.read()
    tokenizer = AutoTokenizer.from_pretrained(args.model)
    model = AutoModelForCausalLM.from_pretrained(args.model, torch_dtype=torch.float32).eval()
    config = model.config
    all_ids = tokenizer(text.decode(), add_special_tokens=False)["input_ids"][args.offset:]
    if tokenizer.bos_token_id is not None and getattr(tokenizer, "add_bos_token", False):
        all_ids = [tokenizer.bos_token_id] + all_ids
    ids = all_ids[:args.tokens]
    if len(ids) < args.tokens or args.tokens > config.max_position_embeddings:
        raise SystemExit(f"{args.tokens} tokens are wanted, the text has {len(all_ids)}, the model's "
                         f"context {config.max_position_embeddings}")
    heads, kv_heads = config.num_attention_heads, config.num_key_value_heads
    head_dim = getattr(config, "head_dim", None) or config.hidden_size // heads
    blocks = model.model.layers
    rotary = model.model.rotary_emb
    if getattr(rotary, "attention_scaling", 1.0) != 1.0:
        raise SystemExit("a rotary embedding that scales Q and K (YaRN) is not supported")
    frequencies = rotary.inv_freq.double().tolist()
    layers = number_list(args.layers, len(blocks)) if args.layers else list(range(len(blocks)))
    base = getattr(config, "rope_theta", None) or config.rope_parameters["rope_theta"]
    seen = {}

    def keep(layer, name):
        def hook(_module, inputs, output):
            seen[layer, name] = output.detach().float().numpy()[0]
            if name == "v":
                seen[layer, "x"] = inputs[0].detach().float().numpy()[0]
        return hook

    for i in layers:
        attention = blocks[i].self_attn
        for name in "qkv":  # Qwen3 norms Q and K before the rotation
            module = getattr(attention, f"{name}_norm", None) or getattr(attention, f"{name}_proj")
            module.register_forward_hook(keep(i, name))
        blocks[i].register_forward_pre_hook(
            lambda _m, inputs, i=i: seen.__setitem__((i, "residual"), inputs[0].detach().numpy()[0]))
    with torch.no_grad():
        model(torch.tensor([ids]), use_cache=False)

    tensors = {name: args.storage for name in args.tensors.split(",")}
    if not set(tensors) <= set(TENSORS):
        raise SystemExit(f"--tensors {args.tensors}: possible are {','.join(TENSORS)}")
    shape = {"layers": len(blocks), "heads": heads, "kv_heads": kv_heads, "head_dim": head_dim,
             "hidden": config.hidden_size, "context": config.max_position_embeddings,
             "scale": float(getattr(blocks[0].self_attn, "scaling", head_dim ** -0.5))}
    rope = {"base": base, "pairing": "halves", "frequencies": frequencies}
    header = make_header((args.model, getattr(config, "_commit_hash", None) or ""),
                         (os.path.basename(args.text), hashlib.sha1(text).hexdigest()), shape, rope,
                         tensors, layers, ids, "capture_hf.py " + " ".join(sys.argv[1:]))
    with TraceWriter(args.out, header) as out:
        for i in layers:
            of_head = lambda rows, n: rows.reshape(len(ids), n, head_dim).transpose(1, 0, 2)
            q, k = of_head(seen[i, "q"], heads), of_head(seen[i, "k"], kv_heads)
            values = {"q_raw": q, "k_raw": k, "q": rotate_halves(q, frequencies),
                      "k": rotate_halves(k, frequencies), "v": of_head(seen[i, "v"], kv_heads),
                      "x": seen[i, "x"][None], "residual": seen[i, "residual"][None]}
            for name in tensors:
                if name in WEIGHTS:
                    weight = getattr(blocks[i].self_attn, f"{name[1]}_proj").weight
                    out.add(i, name, 0, weight.detach().float().numpy()[None])
                    continue
                for first in range(0, len(ids), 256):
                    out.add(i, name, first, values[name][:, first:first + 256])


def write_pattern(file):
    """A trace of known values, for the test of the reader: ((7t + 5h + 3c + l) mod 17 - 8) / 4."""
    shape = {"layers": 3, "heads": 4, "kv_heads": 2, "head_dim": 8, "hidden": 12, "context": 64,
             "scale": 0.25}
    rope = {"base": 10000.0, "pairing": "halves", "frequencies": [1.0, 0.1, 0.01, 0.001]}
    tensors = {"q": "fp16", "k": "int8", "v": "fp16", "x": "int8", "wk": "fp16"}
    header = make_header(("pattern", ""), ("none", ""), shape, rope, tensors, [0, 2],
                         list(range(20)), "capture_hf.py --write-pattern")
    sizes = {"q": (4, 20, 8), "k": (2, 20, 8), "v": (2, 20, 8), "x": (1, 20, 12), "wk": (1, 16, 12)}
    with TraceWriter(file, header) as out:
        for layer in (0, 2):
            for name, size in sizes.items():
                h, t, c = np.indices(size)
                out.add(layer, name, 0, ((7 * t + 5 * h + 3 * c + layer) % 17 - 8) / 4)


def main():
    if len(sys.argv) == 3 and sys.argv[1] == "--write-pattern":
        return write_pattern(sys.argv[2])
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--out", required=True)
    parser.add_argument("--tokens", type=int, default=2048)
    parser.add_argument("--offset", type=int, default=0)
    parser.add_argument("--layers")
    parser.add_argument("--tensors", default="q,k,v,x")
    parser.add_argument("--storage", choices=["int8", "fp16"], default="int8")
    return capture(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
