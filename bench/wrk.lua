-- Posts the body in the file named by the first argument; prints one line of JSON when done. Seconds, requests.
-- The request is fixed, so wrk formats it once and the client costs as little as it can.
local done_prefix = "DAYTWO-BENCH "

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method = "POST"
  wrk.body = file:read("*a")
  wrk.headers["Content-Type"] = "application/json"
  file:close()
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(done_prefix, string.format(
    '{"requests":%d,"duration_s":%.6f,"p50_s":%.6f,"p95_s":%.6f,"p99_s":%.6f,"p999_s":%.6f,"max_s":%.6f,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e6, latency:percentile(95) / 1e6, latency:percentile(99) / 1e6, latency:percentile(99.9) / 1e6, latency.max / 1e6,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
