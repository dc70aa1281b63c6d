// What scrolls within its own box can be scrolled by keys, too: it takes the focus while it is wider than its box.
(() => {
  const boxes = () => document.querySelectorAll(".printed, .formula, .output, .md-typeset__table, .md-typeset__scrollwrap");
  const update = () => {
    for (const box of boxes()) {
      if (box.scrollWidth > box.clientWidth + 1) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    }
  };
  addEventListener("load", update);
  addEventListener("resize", update);
})();
