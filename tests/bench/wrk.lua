-- For wrk: the one request that it repeats. Environment: BENCH_BODY and BENCH_HEADERS, files; a header a line.
local function read(name)
   local path = assert(os.getenv(name), name .. " is not set")
   local file = assert(io.open(path))
   local text = file:read("*a")
   file:close()
   return text
end

wrk.method = "POST"
wrk.body = read("BENCH_BODY")
for name, value in read("BENCH_HEADERS"):gmatch("([^:\n]+): ([^\n]+)") do
   wrk.headers[name] = value
end
