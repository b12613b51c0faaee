-- Which ten points give most goodput for their money?
SELECT point ->> '$."workload.engine.max_num_seqs"' AS batch, point ->> '$."workload.kv.format"' AS kv,
       point ->> '$."system.links[0].link"' AS gpu_link, point ->> '$."workload.kv.tiers[0].capacity"' AS cxl_capacity,
       printf('%.2f', goodput) AS goodput_requests_per_s, printf('%.2f', ttft_p99) AS ttft_p99_s,
       printf('%.2f', energy_per_token) AS joule_per_token, printf('%.2f', cost_per_million_tokens) AS usd_per_million_tokens
FROM points WHERE name = 'memory_h100'
ORDER BY goodput / cost_per_hour DESC LIMIT 10
