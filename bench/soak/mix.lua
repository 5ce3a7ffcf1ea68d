-- What a server meets on a long day: predictions, and now and then a bad body, a scrape, a look at the models.
-- The body of the good request is in the file named by the first argument.
local done_prefix = "DAYTWO-SOAK "
local predict, bad, scrape, models
local count = 0

function init(args)
  local file = assert(io.open(args[1], "rb"))
  local json = { ["Content-Type"] = "application/json" }
  predict = wrk.format("POST", "/predict", json, file:read("*a"))
  bad = wrk.format("POST", "/predict", json, '{"feature_vector": ["five", 3.5')
  scrape = wrk.format("GET", "/metrics")
  models = wrk.format("GET", "/models")
  file:close()
end

function request()
  count = count + 1
  if count % 2000 == 0 then return scrape end
  if count % 2000 == 1000 then return models end
  if count % 100 == 50 then return bad end
  return predict
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(done_prefix, string.format('{"requests":%d,"refused":%d,"lost":%d,"p99_s":%.6f}\n', summary.requests,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout, latency:percentile(99) / 1e6))
end
