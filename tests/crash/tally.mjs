// What a group comes to: it runs its trials and controls here, and this makes its one line.
import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import path from 'node:path';

const keptMax = 5;  // directories of failed trials

const roots = new Set();

// When the run is broken off.
export function removeAll() {
  for (const root of roots) rmSync(root, {recursive: true, force: true});
}

export class Tally {
  trials = 0;
  acknowledged = 0;
  lost = 0;
  duplicated = 0;
  unexpected = 0;
  refused = 0;
  repeated = 0;
  skipped = 0;
  controls = 0;
  caught = 0;
  notes = {};  // more columns of this group
  failures = [];  // of trials
  blind = [];     // controls that were not caught
  kept = [];

  // `cleanUp`: ends what a trial left running or mounted.
  constructor(group, {seed, progress, cleanUp}) {
    Object.assign(this, {group, seed, progress, cleanUp});
    this.root = mkdtempSync(path.join(tmpdir(), 'crash-'));
    roots.add(this.root);
  }

  // A trial's own directory, kept when it finds something.
  directory(name) {
    const directory = path.join(this.root, String(name));
    mkdirSync(directory);
    return directory;
  }

  // Runs `trial(directory, report)` for `seed`; it returns {history, verdict, trials}, and reports what else is wrong.
  // What it throws is a failure as well: a harness that cannot tell does not pass.
  async trial(seed, trial) {
    const {found, result} = await this.#run(seed, trial);
    this.trials += result.trials ?? 1;
    this.#add(result.history);
    const {verdict} = result;
    for (const kind of ['lost', 'duplicated', 'unexpected']) this[kind] += verdict?.[kind].length ?? 0;
    this.repeated += verdict?.repeated ?? 0;
    if (found.length > 0) this.#keep(seed, found);
    this.progress(this);
  }

  // Runs the same with something broken on purpose: it must be found, as `what`, one of Verdict's lists or
  // 'reported'.
  async control(name, seed, what, trial) {
    const {found, result} = await this.#run(`control-${name}`, trial);
    ++this.controls;
    const count = what === 'reported' ? result.reported : result.verdict?.[what].length ?? 0;
    if (count > 0 && !result.isBroken) ++this.caught;
    else this.blind.push(`control ${name} (seed ${seed}) was not caught` +
      (found.length > 0 ? `: ${found.join('; ')}` : ''));
    this.progress(this);
  }

  async #run(name, trial) {
    const directory = this.directory(name);
    const found = [];
    let result = {};
    try {
      result = await trial(directory, (text) => found.push(text)) ?? {};
    } catch (error) {
      found.push(error.stack.split('\n', 4).join('\n      '));
      result.isBroken = true;
    }
    await this.cleanUp();
    result.reported = found.length;
    for (const kind of ['lost', 'duplicated', 'unexpected']) {
      const list = result.verdict?.[kind] ?? [];
      found.push(...list.slice(0, 3).map((one) => `${kind}: ${one}`));
      if (list.length > 3) found.push(`${kind}: ${list.length - 3} more`);
    }
    const untyped = result.history?.untyped ?? [];
    if (untyped.length > 0) found.push(`${untyped.length} × ${untyped[0]}`);
    if (found.length === 0 || String(name).startsWith('control')) {
      rmSync(directory, {recursive: true, force: true});
    }
    return {found, result};
  }

  #add(history) {
    this.acknowledged += history?.acknowledged ?? 0;
    this.refused += history?.refused ?? 0;
  }

  #keep(seed, found) {
    const directory = path.join(this.root, String(seed));
    let where = '';
    if (this.kept.length < keptMax) {
      this.kept.push(directory);
      where = `\n    left in ${directory}`;
    } else {
      rmSync(directory, {recursive: true, force: true});
    }
    this.failures.push(`seed ${seed} (--group ${this.group} --seed ${seed} --trials 1):\n    ${found.join('\n    ')}${where}`);
  }

  note(name, value, how = (a, b) => a + b) {
    this.notes[name] = name in this.notes ? how(this.notes[name], value) : value;
  }

  get passed() { return this.blind.length + this.failures.length === 0; }

  line() { return `${this.counts()}: ${this.passed ? 'ok' : 'FAILED'}`; }

  counts() {
    const columns = {
      seed: this.seed, trials: this.trials, acknowledged: this.acknowledged, lost: this.lost,
      duplicated: this.duplicated, unexpected: this.unexpected, refused: this.refused,
      repeated: this.repeated, controls: `${this.caught}/${this.controls}`, skipped: this.skipped,
      ...this.notes,
    };
    const words = Object.entries(columns).map(([name, value]) => `${name} ${value}`);
    return `crash ${this.group}: ${words.join(', ')}`;
  }

  close() {
    roots.delete(this.root);
    if (this.kept.length === 0) rmSync(this.root, {recursive: true, force: true});
  }
}
