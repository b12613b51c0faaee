-- Which compositions does no other beat in both error and speed?
WITH p AS (SELECT point, kv_output_error AS error, decode_tokens_per_second AS rate, kv_held_share AS held,
                  energy_per_token, cost_per_million_tokens
           FROM points WHERE name = 'kv_policy')
SELECT CASE WHEN json_valid(point ->> '$."workload.kv.policy.score"') THEN json_extract(point ->> '$."workload.kv.policy.score"', '$.kind') ELSE point ->> '$."workload.kv.policy.score"' END AS score,
       point ->> '$."workload.kv.policy.budget.kind"' AS budget, point ->> '$."workload.kv.policy.budget.share"' AS share,
       CASE point ->> '$."workload.kv.policy.codec"' WHEN 'none' THEN 'none' WHEN 'fp8' THEN 'fp8' ELSE
         json_extract(point ->> '$."workload.kv.policy.codec"', '$.keys.bits') || ' bits' END AS codec,
       printf('%.1f %%', 100 * held) AS held, printf('%.4f', error) AS output_error, printf('%.0f', rate) AS decode_tokens_per_s,
       printf('%.3f', energy_per_token) AS joule_per_token, printf('%.2f', cost_per_million_tokens) AS usd_per_million_tokens
FROM p WHERE NOT EXISTS (SELECT 1 FROM p AS q WHERE q.error <= p.error AND q.rate >= p.rate
                         AND (q.error < p.error OR q.rate > p.rate))
ORDER BY rate
