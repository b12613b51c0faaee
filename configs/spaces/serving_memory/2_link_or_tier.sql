-- Is a faster link worth more than a larger tier? TTFT p99 by PCIe generation and CXL capacity, bf16, batch 16.
SELECT point ->> '$."workload.kv.tiers[0].capacity"' AS cxl_capacity, point ->> '$."system.links[0].link"' AS gpu_link,
       printf('%.2f', ttft_p50) AS ttft_p50_s, printf('%.2f', ttft_p99) AS ttft_p99_s,
       printf('%.1f %%', 100 * kv_hit_rate) AS kv_hit_rate, limited_by
FROM points
WHERE name = 'memory_h100' AND point ->> '$."workload.kv.format"' = 'bf16'
  AND point ->> '$."workload.engine.max_num_seqs"' = 16
ORDER BY gpu_link, CAST(point ->> '$."workload.kv.tiers[0].capacity"' AS INTEGER)
