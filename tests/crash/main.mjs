// Runs the groups, one line each; tests/crash/run calls it. See README.md.
import {bin, killAll, Simulator, track} from './processes.mjs';
import {capabilities, detachAll, unmountAll} from './machine.mjs';
import {Tally, removeAll} from './tally.mjs';
import * as fail from './fail.mjs';
import * as flip from './flip.mjs';
import * as forgetful from './forgetful.mjs';
import * as full from './full.mjs';
import * as kill from './kill.mjs';
import {power} from './power.mjs';

const groups = {kill, 'power-ext4': power('ext4'), 'power-xfs': power('xfs'), forgetful, fail, full, flip};

const failuresShown = 12;  // of a group

const usage = `usage: tests/crash/run [--long] [--group NAME]… [--seed N] [--trials N]
                       [--build DIR]
  --long        about an hour instead of three minutes
  --group NAME  only this one:
${Object.entries(groups).map(([name, {summary}]) => `                  ${name.padEnd(12)}${summary}\n`).join('')}\
  --seed N      the seed that a failed run printed; by default one of the clock
  --trials N    so many in each group
  --build DIR   take the programs from DIR/bin as they are, instead of building the release preset`;

function parse(words) {
  const options = {groups: [], seed: Date.now() % 1_000_000, long: false};
  for (let i = 0; i < words.length; ++i) {
    const value = () => words[++i] ?? refuse(`${words[i - 1]} wants a value`);
    switch (words[i]) {
      case '--long': options.long = true; break;
      case '--seed': options.seed = Number(value()); break;
      case '--trials': options.trials = Number(value()); break;
      case '--only-parse': options.onlyParse = true; break;  // tests/crash/run's, before it builds
      case '--group': options.groups.push(value()); break;
      default: refuse(`what is ${words[i]}?`);
    }
  }
  if (!Number.isSafeInteger(options.seed)) refuse('a seed is a number');
  if (options.trials !== undefined && !(options.trials > 0)) refuse('trials are a number');
  for (const name of options.groups) if (!groups[name]) refuse(`there is no group ${name}`);
  if (options.groups.length === 0) options.groups = Object.keys(groups);
  return options;
}

function refuse(text) {
  console.error(`${text}\n${usage}`);
  process.exit(2);
}

// A line of progress every few seconds, on stderr.
function progressOf() {
  let last = Date.now();
  return (tally) => {
    if (Date.now() - last < 5000) return;
    last = Date.now();
    console.error(`  ${tally.counts()} …`);
  };
}

async function startSimulator(directory) {
  const simulator = await Simulator.start(directory);
  track(simulator.child);
  const post = async (url, headers, body) => {
    const answer = await fetch(url, {method: 'POST', headers, body});
    if (!answer.ok) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
  };
  simulator.reset = () => post(`${simulator.control}/reset`);
  simulator.send = (person, body) => {
    const {site, key} = Simulator.credentials;
    return post(`${simulator.url}/api/v1/customers/${person}/events`,
      {authorization: 'Basic ' + Buffer.from(`${site}:${key}`).toString('base64')}, JSON.stringify(body));
  };
  return simulator;
}

async function runGroup(name, given, able) {
  const group = groups[name];
  const options = {...given, trials: given.trials ?? group.trials(given)};
  let simulator;
  const tally = new Tally(name, {
    seed: options.seed,
    progress: progressOf(),
    cleanUp: async () => {
      await killAll(simulator?.child);
      await detachAll();
    },
  });
  const missing = group.needs.filter((need) => able[need] !== true);
  if (missing.length > 0) {
    tally.skipped = options.trials;
    tally.note('missing', missing.join('+'));
  } else {
    simulator = await startSimulator(tally.root);
    try {
      await group.run(tally, {...options, simulator});
    } catch (error) {
      tally.failures.push(error.stack);
    }
    await simulator.stop();
    if (tally.acknowledged === 0) tally.blind.push('nothing was acknowledged');
  }
  console.log(tally.line());
  for (const failure of [...tally.blind, ...tally.failures.slice(0, failuresShown)]) console.log(`  ${failure}`);
  const more = tally.failures.length - failuresShown;
  if (more > 0) console.log(`  and ${more} more trials failed`);
  tally.close();
  return tally;
}

function end(code) {
  killAll();
  unmountAll();
  removeAll();
  process.exit(code);
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => end(130));
process.on('uncaughtException', (error) => {
  console.error(error.stack);
  end(1);
});

if (process.argv.includes('--help')) {
  console.log(usage);
  process.exit(0);
}
const options = parse(process.argv.slice(2));
if (options.onlyParse) process.exit(0);
const begin = Date.now();
const able = await capabilities();
console.log(`crash capabilities: ${Object.entries(able)
  .map(([name, value]) => `${name} ${value === true ? 'yes' : `no (${value})`}`).join(', ')}`);
console.log(`crash seed ${options.seed}, ${options.long ? 'long' : 'short'}, ` +
  `groups ${options.groups.join(' ')}, programs in ${bin('')}`);
const tallies = [];
for (const name of options.groups) tallies.push(await runGroup(name, options, able));
const failed = tallies.filter((tally) => !tally.passed);
const skipped = tallies.reduce((sum, tally) => sum + tally.skipped, 0);
console.log(`crash: ${tallies.length - failed.length} of ${tallies.length} groups passed, ` +
  `${skipped} trials skipped, ${Math.round((Date.now() - begin) / 1000)} s`);
// 77: nothing could be tried here.
const nothing = tallies.every((tally) => tally.trials === 0 && tally.skipped > 0);
end(failed.length > 0 ? 1 : nothing ? 77 : 0);
