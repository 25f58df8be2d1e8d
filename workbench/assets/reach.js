// @ts-check
/* Lets the keyboard reach whatever scrolls; what fits is no stop on the way. */
(() => {
  const reach = () => {
    for (const box of document.querySelectorAll("pre, figure > div, .output_area, .output_html")) {
      const scrolls = box.scrollWidth > box.clientWidth && getComputedStyle(box).overflowX !== "visible";
      if (scrolls) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    }
  };
  reach();
  window.addEventListener("resize", reach);
})();
