// @ts-check
/* Questions to a kernel, and its answers. */

/** Open a channel to the kernel of a widget.
 * @param {any} model
 * @returns {{ ask(message: any): Promise<any>, sent(hear: (opening: any) => void): void, close(): void }}
 * `sent` tells where the kernel sends the reader */
export function channelOf(model) {
  /** @type {Map<number, (reply: any) => void>} */
  const waiting = new Map();
  // the views of one widget hear each other's replies
  let n = Math.floor(Math.random() * 2 ** 40), shows = /** @type {(opening: any) => void} */ (() => {});
  const heard = (/** @type {any} */ reply) => {
    if (reply?.type === "show") return shows(reply.opening);
    waiting.get(reply?.id)?.(reply);
    waiting.delete(reply?.id);
  };
  model.on("msg:custom", heard);
  return {
    ask: (message) => new Promise((resolve) => { waiting.set(++n, resolve); model.send({ ...message, id: n }); }),
    sent: (hear) => { shows = hear; },
    close: () => model.off("msg:custom", heard),
  };
}
