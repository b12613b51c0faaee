-- At about equal bytes, are more tokens in fewer bits better? H2O's score, uniform budget, by what is held.
SELECT printf('%.1f %%', 100 * kv_held_share) AS held, point ->> '$."workload.kv.policy.budget.share"' AS tokens_kept,
       CASE point ->> '$."workload.kv.policy.codec"' WHEN 'none' THEN '16 bits' WHEN 'fp8' THEN 'fp8' ELSE
         json_extract(point ->> '$."workload.kv.policy.codec"', '$.keys.bits') || ' bits' END AS codec,
       printf('%.4f', kv_output_error) AS output_error, printf('%.0f', decode_tokens_per_second) AS decode_tokens_per_s
FROM points WHERE name = 'kv_policy' AND point ->> '$."workload.kv.policy.score"' = 'accumulated_attention'
  AND point ->> '$."workload.kv.policy.budget.kind"' = 'uniform'
ORDER BY kv_held_share
