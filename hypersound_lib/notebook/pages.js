// <hypersound-pages>: a slider, or a list to choose from, that turns prepared pages, without a kernel. It finds a
// <details> per page inside; where no script runs, they can be opened one by one.
(() => {
  let count = 0; // of elements, for the names that tie a label to its control

  class Pages extends HTMLElement {
    connectedCallback() {
      // While a page is being parsed there is nothing inside yet; the script that follows the element builds it.
      if (document.readyState !== "loading") queueMicrotask(() => this.build());
    }

    build() {
      this.pages = [...this.querySelectorAll(":scope > details")];
      if (this.built || !this.pages.length) return;
      this.built = true;
      this.names = this.pages.map(page => page.firstElementChild.textContent);
      this.share();
      const label = document.createElement("label");
      this.control = this.dataset.control === "select" ? this.list() : this.range();
      label.textContent = this.dataset.label + " ";
      this.control.setAttribute("data-lm-suppress-shortcuts", "true"); // JupyterLab's arrow keys go to the next cell
      label.htmlFor = this.control.id = `hypersound-pages-${Date.now()}-${count++}`;
      this.output = document.createElement("output");
      this.output.htmlFor = this.control.id;
      const row = document.createElement("div");
      row.style.cssText = "display:flex;flex-wrap:wrap;gap:0.5em;align-items:center;margin:0.3em 0";
      row.append(label, this.control);
      if (this.control.type === "range") row.append(this.output);
      this.prepend(row);
      for (const page of this.pages) page.firstElementChild.style.display = "none";
      this.control.oninput = () => this.turn();
      this.control.value = this.dataset.start;
      this.turn();
    }

    share() { // what several pages hold is written in the first of them only
      for (const element of this.querySelectorAll("[data-same]")) {
        element.src = this.querySelector(`[data-name="${element.dataset.same}"]`).src;
      }
      for (const note of this.querySelectorAll("[data-elsewhere]")) note.remove();
    }

    range() {
      const control = document.createElement("input");
      Object.assign(control, {type: "range", min: 0, max: this.pages.length - 1, step: 1});
      control.style.cssText = "flex:1 1 10em;min-width:8em;max-width:30em";
      return control;
    }

    list() {
      const control = document.createElement("select");
      this.names.forEach((name, index) => control.add(new Option(name, index)));
      return control;
    }

    turn() {
      const chosen = Number(this.control.value);
      this.output.textContent = this.names[chosen];
      if (this.control.type === "range") this.control.setAttribute("aria-valuetext", this.names[chosen]);
      this.pages.forEach((page, index) => {
        page.open = index === chosen;
        page.style.display = page.open ? "block" : "none";
        if (page.open) return;
        for (const sound of page.querySelectorAll("audio, hypersound-compare")) if (sound.pause) sound.pause();
      });
    }
  }

  if (!customElements.get("hypersound-pages")) {
    customElements.define("hypersound-pages", Pages);
    document.addEventListener("focusin", event => { // the same for the controls of widgets
      if (event.target.closest(".hypersound-view")) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
    });
  }
  for (const element of document.querySelectorAll("hypersound-pages")) element.build();
})();
