// @ts-check
/* The alignment of some runs of one task, out of how each two of them are aligned. Pure.

   A kernel aligns by a star: each run with the one in the middle, and so with each other. With the ways
   between every two runs, that needs no prices. */

/** What a file holds of the runs of a task: see `pairs` in Python.
 * @typedef {{ paths: Record<string, string>, far: number[][], steps: number[][], wholes: number[][], kinds: [number, string][],
 *   branches: [label: string, agent: number, calls: [number, [string, number][]][]][] }} Held */
/** @typedef {(number | null)[]} Place of each run the position of its step */

/** Two to six runs side by side. @param {Held} held @param {number[]} runs their numbers there */
export function derived(held, runs) {
  const places = starOf(held, runs);
  const wholes = places.map((place) => place.map((at, run) => at === null ? null : held.wholes[runs[run]][at]));
  const moved = runs.length === 2 ? movedOf(wholes) : new Map();
  const letters = wholes.map((place, at) => {
    if (place[0] === null) return moved.has(at) ? ">" : "+";
    if (place.includes(null)) return moved.has(at) ? "<" : "-";
    return place.some((each) => each !== place[0]) ? "~" : "=";
  });
  const first = letters.findIndex((each) => each !== "=");
  return {
    operations: letters.join(""), first: first < 0 ? null : first,
    moved: (/** @type {number} */ at) => moved.get(at) ?? null,
    note: (/** @type {number} */ at) => letters[at] === "=" ? "" : noteOf(held, wholes[at]),
    steps: (/** @type {number} */ at) => places[at].map((each, run) => each === null ? null : held.steps[runs[run]][each]),
  };
}

/** The steps of two runs that stand side by side. @param {Held} held @param {number} one @param {number} other @returns {[number | null, number | null][]} */
function pathOf(held, one, other) {
  if (one === other) return held.steps[one].map((_, at) => [at, at]);
  let at = 0, to = 0;
  return [...held.paths[`${one},${other}`]].map((way) => [way === "+" ? null : at++, way === "-" ? null : to++]);
}

/** @param {Held} held @param {number[]} runs @returns {Place[]} */
function starOf(held, runs) {
  if (runs.length === 2) return pathOf(held, runs[0], runs[1]);
  const far = runs.map((one) => runs.reduce((sum, other) => sum + held.far[one][other], 0)), centre = runs[far.indexOf(Math.min(...far))];
  const none = () => /** @type {Place} */ (Array(runs.length).fill(null)), own = held.steps[centre].map(none);
  /** @type {{ branch: number, place: Place }[][]} steps between two of the centre's */
  const slots = Array.from({ length: own.length + 1 }, () => []);
  runs.forEach((run, column) => {
    let slot = 0, from = 0;
    for (const [at, to] of pathOf(held, centre, run)) {
      if (at !== null) { own[at][column] = to; slot = at + 1; from = 0; continue; }
      const branch = held.kinds[held.wholes[run][/** @type {number} */ (to)]][0];
      let place = slots[slot].findIndex((each, number) => number >= from && each.branch === branch);
      if (place < 0) slots[slot].splice(place = from, 0, { branch, place: none() });
      slots[slot][place].place[column] = to;
      from = place + 1;
    }
  });
  return slots.flatMap((slot, at) => [...slot.map((each) => each.place), ...own.slice(at, at + 1)]);
}

/** Each step that was left out, with an equal one that was put in. @param {Place[]} wholes @returns {Map<number, number>} */
function movedOf(wholes) {
  const putIn = new Map(), moved = new Map();
  wholes.forEach(([one, other], at) => { if (one === null) putIn.set(other, [...putIn.get(other) ?? [], at]); });
  wholes.forEach(([one, other], at) => {
    const to = other === null ? putIn.get(one)?.shift() : undefined;
    if (to !== undefined) moved.set(at, to).set(to, at);
  });
  return moved;
}

/** How the steps at a place differ, in words. @param {Held} held @param {Place} place */
function noteOf(held, place) {
  const there = place.filter((each) => each !== null), two = place.length === 2, branches = there.map((each) => held.branches[held.kinds[each][0]]);
  const counts = new Map();
  for (const [name] of branches) counts.set(name, (counts.get(name) ?? 0) + 1);
  const names = [...counts].sort((one, other) => other[1] - one[1]);
  if (names.length > 1) return names.map(([name, n]) => two ? name : `${name} × ${n}`).join(two ? " against " : ", ");
  if (there.length < place.length) return two ? `only one has ${names[0][0]}` : `${there.length} of ${place.length} have ${names[0][0]}`;
  const many = (/** @type {any[]} */ values) => new Set(values).size > 1;
  if (many(branches.map((each) => each[1]))) return "agent differs";
  const calls = branches.map((each) => each[2]), differ = new Set();
  for (let at = 0; at < Math.min(...calls.map((each) => each.length)); at++) {
    const members = calls.map((each) => new Map(each[at][1]));
    for (const name of members.flatMap((each) => [...each.keys()])) if (many(members.map((each) => each.get(name)))) differ.add(name);
  }
  if (differ.size) return `argument ${[...differ].slice(0, 3).join(", ")} differs`;
  if (many(calls.map((each) => each.map(([written]) => written).join()))) return "arguments differ";
  return many(there.map((each) => held.kinds[each][1])) ? "status differs" : "text differs";
}

/** Places of a page, and columns of a stack that are shown at once, as a kernel would send them. */
const PLACES = 50, COLUMNS = 40;

/** What a file answers of several runs. @param {{ index: any, get(name: string): Promise<any>, rows(message: any): Promise<any> }} file
 * @returns {Record<string, (message: any) => Promise<any>>} */
export function comparisons({ index, get, rows }) {
  const taskOf = (/** @type {number} */ run) => index.tasks.findIndex((/** @type {number[]} */ positions) => positions.includes(run));
  let last = { key: "", aligned: /** @type {ReturnType<typeof derived> | null} */ (null) };
  /** @param {number[]} runs */
  async function alignmentOf(runs) {
    const key = runs.join(), task = taskOf(runs[0]);
    if (last.key === key && last.aligned) return { aligned: last.aligned };
    if (task < 0 || runs.some((run) => taskOf(run) !== task)) return { reason: "Only runs of one task can be compared in a file; in a notebook any can." };
    const held = await get(`task${task}`), numbers = runs.map((run) => held.paired?.indexOf(run) ?? -1);
    if (!held.paired) return { reason: "These runs are too long to be compared in a file; in a notebook they can be." };
    if (numbers.includes(-1)) return { reason: `In a file the first ${held.paired.length} runs of a task can be compared; in a notebook all can.` };
    last = { key, aligned: derived(held, numbers) };
    return { aligned: last.aligned };
  }
  return {
    async align({ runs }) {
      const { aligned, reason } = await alignmentOf(runs);
      return aligned ? { from: 0, n_places: aligned.operations.length, operations: aligned.operations, first: aligned.first } : { reason };
    },
    async aligned({ runs, from }) {
      const { aligned, reason } = await alignmentOf(runs), places = [];
      for (let at = from; aligned && at < Math.min(from + PLACES, aligned.operations.length); at++) {
        const cells = aligned.steps(at).map(async (step, run) => {
          const row = step === null ? undefined : (await rows({ run: runs[run], from: step, to: step + 1 })).rows[0];
          return row ? [step, ...row.slice(0, 4)] : null;
        });
        places.push([aligned.moved(at), aligned.note(at), await Promise.all(cells)]);
      }
      return aligned ? { from, places } : { reason };
    },
    async stack({ run, from }) {
      const task = taskOf(run);
      if (task < 0) return {};
      const { stack } = await get(`task${task}`), start = from < 0 ? Math.max(0, (stack.split ?? 0) - COLUMNS / 4) : from;
      return { ...stack, from: start, cells: stack.cells.map((/** @type {any[]} */ cells) => cells.slice(start, start + COLUMNS)) };
    },
  };
}
