// @ts-check
/* Draws the plotly figure of the model, its title above it, and again whenever it changes; tells which
   point is clicked.
   `Plotly` is defined before this text: widgets/figure.py puts plotly.js there. */

const OPTIONS = { responsive: true, displaylogo: false };

/** Read a title as plotly would show it: a little HTML, of which only the text is kept.
 * @param {string} title */
const plain = (title) =>
  new DOMParser().parseFromString(title.replaceAll("<br>", " "), "text/html").body.textContent ?? "";

/** @param {{ model: any, el: HTMLElement }} context */
function render({ model, el }) {
  const title = document.createElement("p");
  title.className = "workbench-title";
  const box = document.createElement("div");
  box.className = "workbench-figure";
  box.setAttribute("role", "figure");
  el.append(title, box);

  const draw = () => {
    const { data = [], layout = {} } = structuredClone(model.get("figure"));
    title.textContent = plain(layout.title?.text ?? "");
    box.setAttribute("aria-label", title.textContent);
    const above = layout.annotations ? 30 : 15;
    if (layout.height) layout.height += above - (layout.margin?.t ?? 0);
    layout.margin = { ...layout.margin, t: above };
    delete layout.title;
    // @ts-ignore: defined before this text
    Plotly.react(box, data, layout, OPTIONS);
  };
  model.on("change:figure", draw);
  draw();
  // @ts-ignore: plotly made the box its own
  box.on("plotly_click", ({ points: [{ curveNumber, pointNumber }] }) => model.send({ type: "point", trace: curveNumber, point: pointNumber }));
  // The first drawing may come before the box is in the page and has a width.
  // @ts-ignore: as above
  const resized = new ResizeObserver(() => box.offsetWidth && Plotly.Plots.resize(box));
  resized.observe(el);
  return () => {
    resized.disconnect();
    model.off("change:figure", draw);
    // @ts-ignore: as above
    Plotly.purge(box);
  };
}

export default { render };
