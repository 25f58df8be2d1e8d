// @ts-check
/* What differs between two texts, word by word, never at length. Pure. */

/** Characters of a text that are looked at, and words that may differ before lines are looked at instead. */
export const LONGEST_COMPARED = 10_000;
const MOST_EDITS = 600;

/** A piece that both texts have, or only the first (-), or only the second (+). @typedef {[op: "=" | "-" | "+", text: string]} Piece */

/** The pieces of two texts; `cut` where one goes on, `rough` where too much differs to tell words apart.
 * @param {string} one @param {string} other @param {number} [longest] @returns {{ pieces: Piece[], cut: boolean, rough: boolean }} */
export function wordDiff(one, other, longest = LONGEST_COMPARED) {
  const cut = one.length > longest || other.length > longest, [a, b] = [headText(one, longest), headText(other, longest)];
  for (const pattern of [/\s+|[\p{L}\p{M}\p{N}_]+|[^]/gu, /[^\n]*\n|[^\n]+/g]) {
    const ways = wordWays(a.match(pattern) ?? [], b.match(pattern) ?? []);
    if (ways) return { pieces: joinedPieces(ways), cut, rough: pattern.flags === "g" };
  }
  return { pieces: joinedPieces([["-", a], ["+", b]]), cut, rough: true };
}

/** @param {string} text @param {number} longest */
const headText = (text, longest) => text.length > longest ? text.slice(0, longest).replace(/[\ud800-\udbff]$/, "") : text;

/** The shortest way from one list of words to another, what begins and ends alike first; null where it is too long.
 * @param {string[]} one @param {string[]} other @returns {Piece[] | null} */
function wordWays(one, other) {
  let head = 0, tail = 0;
  const least = Math.min(one.length, other.length);
  while (head < least && one[head] === other[head]) head++;
  while (tail < least - head && one[one.length - 1 - tail] === other[other.length - 1 - tail]) tail++;
  const middle = shortestWay(one.slice(head, one.length - tail), other.slice(head, other.length - tail));
  const equal = (/** @type {string} */ word) => /** @type {Piece} */ (["=", word]);
  return middle && [...one.slice(0, head).map(equal), ...middle, ...one.slice(one.length - tail).map(equal)];
}

/** Myers (1986): of each number of edits, how far each diagonal comes. @param {string[]} one @param {string[]} other @returns {Piece[] | null} */
function shortestWay(one, other) {
  const numbers = new Map(), number = (/** @type {string} */ word) => numbers.get(word) ?? (numbers.set(word, numbers.size), numbers.size - 1);
  const a = Int32Array.from(one, number), b = Int32Array.from(other, number), most = Math.min(a.length + b.length, MOST_EDITS);
  const far = new Int32Array(2 * most + 3), zero = most + 1, kept = [];
  for (let n = 0; n <= most; n++) {
    kept.push(far.slice(zero - n - 1, zero + n + 2));
    for (let way = -n; way <= n; way += 2) {
      let x = way === -n || (way !== n && far[zero + way - 1] < far[zero + way + 1]) ? far[zero + way + 1] : far[zero + way - 1] + 1;
      while (x < a.length && x - way < b.length && a[x] === b[x - way]) x++;
      far[zero + way] = x;
      if (x >= a.length && x - way >= b.length) return walkedBack(one, other, kept);
    }
  }
  return null;
}

/** @param {string[]} one @param {string[]} other @param {Int32Array[]} kept @returns {Piece[]} */
function walkedBack(one, other, kept) {
  const ways = /** @type {Piece[]} */ ([]);
  let x = one.length, y = other.length;
  for (let n = kept.length - 1; n >= 0; n--) {
    const far = kept[n], at = x - y + n + 1, down = x - y === -n || (x - y !== n && far[at - 1] < far[at + 1]);
    const fromX = n ? far[down ? at + 1 : at - 1] : 0, fromY = n ? fromX - (x - y) + (down ? -1 : 1) : 0;
    const startX = n ? fromX + (down ? 0 : 1) : 0;
    while (x > startX) { ways.push(["=", one[--x]]); y--; }
    if (!n) break;
    ways.push(down ? ["+", other[fromY]] : ["-", one[fromX]]);
    [x, y] = [fromX, fromY];
  }
  return ways.reverse();
}

/** Words of one kind together; the space between two that were changed belongs to both. @param {Piece[]} ways @returns {Piece[]} */
function joinedPieces(ways) {
  const pieces = /** @type {Piece[]} */ ([]);
  let gone = "", come = "", same = "";
  const settle = () => {
    if (gone) pieces.push(["-", gone]);
    if (come) pieces.push(["+", come]);
    gone = come = "";
  };
  for (const [op, text] of ways) {
    if (op === "=") {
      if (same || !(gone && come && /^\s+$/.test(text))) settle();
      same += text;
      continue;
    }
    if (same) {
      if (gone && come) { gone += same; come += same; } else { settle(); pieces.push(["=", same]); }
      same = "";
    }
    if (op === "-") gone += text; else come += text;
  }
  settle();
  if (same) pieces.push(["=", same]);
  return pieces;
}
