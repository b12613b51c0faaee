-- What does each choice buy, on average over all others?
SELECT point.path AS choice, point.value, printf('%.0f', avg(output_tokens_per_second)) AS tokens_per_s,
       printf('%.2f', avg(ttft_p99)) AS ttft_p99_s, printf('%.1f', 1000 * avg(tpot_p50)) AS tpot_p50_ms,
       printf('%.1f %%', 100 * avg(kv_hit_rate)) AS kv_hit_rate
FROM points JOIN point ON point.run = points.run
WHERE points.name = 'memory_h100'
GROUP BY point.path, point.value ORDER BY point.path, CAST(point.value AS INTEGER), point.value
