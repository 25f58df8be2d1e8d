// @ts-check
/* Pictures and other files inside a log. Nothing is loaded but what the log itself holds; a picture is drawn only if its first
   bytes are those of a PNG, JPEG, GIF or WebP. */

import { saveAs } from "./controls.js";
import { h } from "./elements.js";
import { counted } from "./texts.js";

/** The most that is read: of a picture, of a picture that nobody asked for, of a file that is saved; as base64. */
const LONGEST_PICTURE = 7_000_000, LONGEST_UNASKED = 1_400_000, LONGEST_SAVED = 40_000_000, HEADER = 320_000;
const MOST_PIXELS = 40_000_000;
const DATA_URI = /^data:([\w.+/-]{0,80})(?:;[\w=.+-]{1,80}){0,4};base64,/;
const ENDINGS = /** @type {Record<string, string>} */ ({ "audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/ogg": "ogg", "application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "video/mp4": "mp4" });

/** @param {string} base64 */
const bytesOf = (base64) => Uint8Array.from(atob(base64), (mark) => mark.charCodeAt(0));

/** What a file is by its first bytes, and how large a picture it is; undefined of what is no picture.
 * @param {Uint8Array} bytes @returns {{ type: string, width: number, height: number } | undefined} */
function pictureKind(bytes) {
  const text = String.fromCharCode(...bytes.slice(0, 16)), view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  try {
    if (text.startsWith("\x89PNG\r\n\x1a\n")) return { type: "image/png", width: view.getUint32(16), height: view.getUint32(20) };
    if (/^GIF8[79]a/.test(text)) return { type: "image/gif", width: view.getUint16(6, true), height: view.getUint16(8, true) };
    if (text.startsWith("\xff\xd8\xff")) return { type: "image/jpeg", ...jpegSize(view) };
    if (/^RIFF[^]{4}WEBPVP8/.test(text)) return { type: "image/webp", ...webpSize(view, text[15]) };
  } catch { /* it ends too early to be one */ }
  return undefined;
}
/** @param {DataView} view */
function jpegSize(view) {
  for (let at = 2; ;) {
    const marker = view.getUint8(at + 1);
    if (view.getUint8(at) !== 0xff) throw new RangeError();
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += marker === 0xff ? 1 : 2 + view.getUint16(at + 2);
  }
}
/** @param {DataView} view @param {string} kind */
function webpSize(view, kind) {
  const low = (/** @type {number} */ at) => view.getUint16(at, true);
  if (kind === "X") return { width: 1 + low(24) + (view.getUint8(26) << 16), height: 1 + low(27) + (view.getUint8(29) << 16) };
  if (kind === "L") return { width: 1 + (low(21) & 0x3fff), height: 1 + ((view.getUint32(21, true) >> 14) & 0x3fff) };
  return { width: low(26) & 0x3fff, height: low(28) & 0x3fff };
}

/** Where base64 begins in a text: at 0, or after what a data URI says of it. @param {string} text */
export const dataStart = (text) => DATA_URI.exec(text)?.[0].length ?? 0;
/** The pictures in a text, by where their base64 begins, in characters. @param {string} text @returns {number[]} */
export function picturesIn(text) {
  return [...text.matchAll(/!\[[^\]\n]{0,200}\]\(data:image\/[\w.+-]{1,20};base64,/g)].slice(0, 10).map(({ 0: found, index }) => [...text.slice(0, index + found.length)].length);
}

/** Read base64 on, piece by piece, until it ends or is too long. @param {{ text: string, at: number, ended: boolean }} read
 * @param {{ more(from: number): Promise<any> }} how @param {number} most @param {() => boolean} goes */
async function readOn(read, how, most, goes) {
  while (!read.ended && read.text.length < most && goes()) {
    const reply = await how.more(read.at), piece = typeof reply.text === "string" ? reply.text : "", end = piece.search(/[^A-Za-z0-9+/=\r\n]/);
    read.text += (end < 0 ? piece : piece.slice(0, end)).replace(/[\r\n]/g, "");
    read.at += [...piece].length;
    read.ended = end >= 0 || !piece || read.at >= reply.n_chars;
  }
}

const TOO_LARGE = "This picture is larger than 5 MB: it is not drawn.";
/** A picture whose base64 begins at a character of a text. @param {number} from
 * @param {{ step: number, more(from: number): Promise<any> }} how @param {number} [nChars] how long it is, where that is known @returns {HTMLElement} */
export function pictureBox(from, how, nChars = 0) {
  const box = h("div", { class: "wi-picture" }), read = { text: "", at: from, ended: false };
  const say = (/** @type {string} */ text, /** @type {Node[]} */ ...more) => box.replaceChildren(h("p", { class: "wi-soft" }, text), ...more);
  /** @param {number} most */
  async function load(most) {
    say("Loading the picture …");
    let n = 0;
    // nobody waits for what is out of sight
    await readOn(read, how, most, () => n++ === 0 || box.isConnected);
    if (!box.isConnected) return;
    if (!read.ended && read.text.length < LONGEST_PICTURE) return say("This picture is large.", h("button", { type: "button", onclick: () => load(LONGEST_PICTURE) }, "Load the picture"));
    if (!read.ended) return say(TOO_LARGE);
    draw();
  }
  function draw() {
    let kind;
    try { kind = pictureKind(bytesOf(read.text.slice(0, HEADER))); } catch { /* no base64 */ }
    if (!kind) return say("This is no picture of a kind that is drawn here (PNG, JPEG, GIF, WebP).");
    if (!kind.width || !kind.height || kind.width * kind.height > MOST_PIXELS) return say(`This picture of ${counted(kind.width)} × ${counted(kind.height)} pixels is not drawn.`);
    const picture = h("img", { alt: `image of step ${how.step}, ${kind.width} × ${kind.height}`, width: String(kind.width), height: String(kind.height), decoding: "async" });
    picture.addEventListener("error", () => say("This picture is broken."));
    picture.src = `data:${kind.type};base64,${read.text}`;
    box.replaceChildren(picture, h("p", { class: "wi-soft" }, `${kind.type}, ${kind.width} × ${kind.height}`));
  }
  if (nChars > LONGEST_PICTURE) say(TOO_LARGE); else load(LONGEST_UNASKED);
  return box;
}

/** A file that is no picture: what it is, and a button that saves it. @param {string} type @param {number} from @param {number} total in characters
 * @param {{ step: number, number: number, more(from: number): Promise<any> }} how @returns {HTMLElement} */
export function fileBox(type, from, total, how) {
  const size = Math.floor(((total - from) * 3) / 4), said = h("span", { class: "wi-soft", role: "status" });
  if (total <= from) return h("p", { class: "wi-soft" }, `${type || "a file"}: the log says nothing of its content here.`);
  async function save() {
    const read = { text: "", at: from, ended: false };
    await readOn(read, how, LONGEST_SAVED, () => true);
    if (!read.ended) { said.textContent = "it is too large to be saved from here"; return; }
    const bytes = [], clean = read.text.replace(/=+$/, "");
    // a text of many megabytes at once would hold the page up
    try { for (let at = 0; at < clean.length; at += 400_000) { bytes.push(bytesOf(clean.slice(at, at + 400_000))); await new Promise((resolve) => { setTimeout(resolve); }); } } catch { said.textContent = "it is no base64"; return; }
    saveAs(new Blob(bytes, { type: "application/octet-stream" }), `step-${how.step}-part-${how.number}.${ENDINGS[type] ?? "bin"}`);
    said.textContent = "saved";
  }
  return h("p", {}, `${type || "a file"}, about ${counted(size)} bytes `, h("button", { type: "button", onclick: save }, "Save"), " ", said);
}
