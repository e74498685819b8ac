// What BullMQ delivers in a window: a queue in Redis, filled first, and one worker that posts each job's body.
// Prints one line of JSON, as `holdfast-bench drain` does. Any answer but 200 ends it with 1.
import {readFileSync} from 'node:fs';
import {parseArgs} from 'node:util';
import {Queue, Worker} from 'bullmq';
import {Pool} from 'undici';

const {values: given} = parseArgs({options: {
  redis: {type: 'string'},        // its Unix socket
  'redis-pid': {type: 'string'},
  url: {type: 'string'},
  ca: {type: 'string'},           // files, as the next two
  body: {type: 'string'},
  headers: {type: 'string'},      // one a line
  'far-side-pid': {type: 'string', multiple: true, default: []},
  events: {type: 'string'},       // the first tenth does not count
  seconds: {type: 'string'},      // of the window, unless it ends sooner
  concurrency: {type: 'string', default: '10'},
}});
const events = Number(given.events);
const concurrency = Number(given.concurrency);
const url = new URL(given.url);
const body = readFileSync(given.body, 'utf8');
const headers = Object.fromEntries(
  readFileSync(given.headers, 'utf8').trim().split('\n').map((line) => line.split(/: (.*)/s).slice(0, 2)));

const kTicksPerSecond = 100; // what Linux shows to programs

// User and system time of a process in seconds: proc(5), fields 14 and 15.
function cpuOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /s, '').split(' ');
  return (Number(fields[11]) + Number(fields[12])) / kTicksPerSecond;
}

function cpu() {
  const {user, system} = process.cpuUsage();
  const farSide = given['far-side-pid'].reduce((sum, pid) => sum + cpuOf(pid), 0);
  return {worker: (user + system) / 1e6, redis: cpuOf(given['redis-pid']), farSide};
}

function report(before, after, counted, seconds) {
  const micros = (used) => Number((used * 1e6 / counted).toFixed(2));
  const worker = after.worker - before.worker;
  const redis = after.redis - before.redis;
  console.log(JSON.stringify({
    seconds: Number(seconds.toFixed(2)),
    events: counted,
    events_per_s: Math.round(counted / seconds),
    cpu_us: micros(worker + redis),
    redis_cpu_us: micros(redis),
    far_side_cpu_us: micros(after.farSide - before.farSide),
  }));
}

const connection = {path: given.redis, maxRetriesPerRequest: null};
const pool = new Pool(url.origin, {
  connections: concurrency,
  pipelining: 1,
  connect: {ca: readFileSync(given.ca)},
});

async function fill() {
  const queue = new Queue('bench', {connection});
  for (let left = events; left > 0; left -= 1000) {
    const jobs = Array.from({length: Math.min(left, 1000)}, () => ({
      name: 'event', data: {body}, opts: {removeOnComplete: true},
    }));
    await queue.addBulk(jobs);
  }
  await queue.close();
}

async function post(job) {
  const answer = await pool.request({method: 'POST', path: url.pathname, headers, body: job.data.body});
  await answer.body.dump();
  if (answer.statusCode === 200) return;
  console.error(`bullmq.mjs: the far side answers ${answer.statusCode}`);
  process.exit(1);
}

function fail(error) {
  console.error('bullmq.mjs:', error);
  process.exit(1);
}

await fill();
let done = 0;
let first = null;
const worker = new Worker('bench', post, {connection, concurrency});
worker.on('error', fail);
worker.on('failed', (_, error) => fail(error));
worker.on('completed', () => {
  ++done;
  const now = performance.now();
  if (done === Math.max(1, Math.floor(events / 10))) first = {done, now, cpu: cpu()};
  if (!first || done === first.done) return;
  const seconds = (now - first.now) / 1000;
  if (done < events && seconds < Number(given.seconds)) return;
  report(first.cpu, cpu(), done - first.done, seconds);
  process.exit(0);
});
