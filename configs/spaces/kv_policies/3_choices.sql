-- What does each choice cost and buy, on average over all others?
SELECT replace(path, 'workload.kv.policy.', '') AS choice, substr(value, 1, 48) AS value,
       printf('%.3f', avg(kv_output_error)) AS output_error, printf('%.0f', avg(decode_tokens_per_second)) AS decode_tokens_per_s
FROM points JOIN point ON point.run = points.run
WHERE points.name = 'kv_policy' GROUP BY path, value ORDER BY path, avg(kv_output_error)
