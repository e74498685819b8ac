// The log alone, in one process, on a disk that forgets what was not synced, fails, and loses its power at
// random moments; compared with a model (crash_forgetful, tests/unit/wal/log_model.hpp).
import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {bin} from './processes.mjs';

const trialsPerCall = 10;
const atOnce = 4;  // they mostly wait
const controls = {lie: 'a disk that lies about syncing', dirty_stop: 'a stop that was none', forget: 'a mark that was forgotten'};

export const summary = 'a forgetful disk below the log';
export const needs = [];
export const trials = ({long}) => long ? 6000 : 120;

export async function run(tally, {seed, trials: count}) {
  let next = 0;
  const work = async () => {
    while (next < count) {
      const first = next;
      next = Math.min(next + trialsPerCall, count);
      add(tally, next - first, await call(seed + first, next - first));
    }
  };
  await Promise.all(Array.from({length: atOnce}, work));
  for (const [defect, what] of Object.entries(controls)) {
    ++tally.controls;
    const {violations} = await call(0, 40, defect);
    if (violations.length > 0) ++tally.caught;
    else tally.blind.push(`control ${defect}, ${what}: was not caught`);
  }
}

function add(tally, count, result) {
  tally.trials += count;
  tally.acknowledged += result.acknowledged;
  tally.repeated += result.repeated;
  for (const name of ['openings', 'failures', 'reappeared']) tally.note(name, result[name]);
  for (const {seed, what} of result.violations) {
    ++tally[/lost|not handed out/.test(what) ? 'lost' : 'unexpected'];
    tally.failures.push(`seed ${seed} (--group forgetful --seed ${seed} --trials 1): ${what}`);
  }
  tally.progress(tally);
}

async function call(...words) {
  const {stdout} = await promisify(execFile)(bin('crash_forgetful'), words.map(String), {maxBuffer: 1 << 26});
  return JSON.parse(stdout);
}
