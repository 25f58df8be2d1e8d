// @ts-check
/* Draws the figures of a report in the colours of the page, and again when these change. */
(() => {
  const stored = document.getElementById("figures");
  const boxes = /** @type {NodeListOf<HTMLElement>} */ (document.querySelectorAll(".figure"));
  const figures = JSON.parse(stored?.textContent ?? "[]");
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const options = { responsive: true, displaylogo: false, displayModeBar: false };

  /** Break the title of an axis so that it fits the box. */
  const broken = (/** @type {string} */ text, /** @type {number} */ width) => {
    const room = Math.max(20, Math.floor((width - 110) / 7));
    const lines = [""];
    for (const word of text.replaceAll("<br>", " ").split(" ")) {
      const last = lines[lines.length - 1];
      if (last && last.length + word.length + 1 > room) lines.push(word);
      else lines[lines.length - 1] = last ? `${last} ${word}` : word;
    }
    return lines.join("<br>");
  };

  const draw = () => {
    const colour = getComputedStyle(document.documentElement).color;
    boxes.forEach((box, at) => {
      const { data, layout } = structuredClone(figures[at]);
      layout.font = { ...layout.font, color: colour };
      layout.template.layout.font.color = colour;
      for (const note of layout.annotations ?? []) note.font = { ...note.font, color: colour };
      delete layout.title; // it stands above the figure, where the page breaks its lines
      layout.margin = { ...layout.margin, t: layout.annotations ? 30 : 15 };
      for (const name of Object.keys(layout)) {
        const axis = layout[name];
        if (/^[xy]axis/.test(name) && axis.title?.text) axis.title.text = broken(axis.title.text, box.clientWidth);
      }
      // @ts-ignore - plotly.js is inlined before this script
      Plotly.react(box, data, layout, options);
    });
  };

  draw();
  dark.addEventListener("change", draw);
  let width = window.innerWidth;
  window.addEventListener("resize", () => {
    if (window.innerWidth !== width) {
      width = window.innerWidth;
      draw();
    }
  });
})();
