// <hypersound-compare>: one player for several versions of a sound, all running in lock-step; only which one is heard
// changes. It finds a figure with caption and <audio> per version inside, and stands in for them. Where there is no
// Web Audio, or no script runs, the plain players stay.
(() => {
  const FADE = 0.005; // seconds: long enough not to click, too short to be a pause
  const BUTTON = "font:inherit;max-width:100%;white-space:normal;cursor:pointer;padding:0.2em 0.6em;"
    + "border:1px solid #767676;border-radius:4px;"; // seen on light and on dark pages
  let shared = null; // one AudioContext for the page, made by the first click: browsers allow none before
  let playing = null; // the one player that is heard

  function make(tag, properties = {}, attributes = {}) {
    const element = Object.assign(document.createElement(tag), properties);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    return element;
  }

  async function bytes(url) {
    if (!url.startsWith("data:")) return (await fetch(url)).arrayBuffer();
    return Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), c => c.charCodeAt(0)).buffer;
  }

  class ComparePlayer extends HTMLElement {
    connectedCallback() {
      // While a page is being parsed there is nothing inside yet; the script that follows the element builds it.
      if (document.readyState !== "loading") queueMicrotask(() => this.build());
    }

    disconnectedCallback() {
      if (this.sources) this.pause();
    }

    build() {
      this.figures = [...this.querySelectorAll("figure")];
      if (this.built || !this.figures.length || !window.AudioContext) return;
      this.built = true;
      this.plain = this.firstElementChild;
      this.chosen = 0;
      this.offset = 0; // seconds into the sound, where it stands or has started
      this.duration = Number(this.dataset.seconds);
      const row = {style: "display:flex;flex-wrap:wrap;gap:0.4em;align-items:center;margin:0.3em 0"};
      this.button = make("button", {type: "button", textContent: "Play", onclick: () => this.toggle()},
        {style: BUTTON + "min-width:5em;background:transparent;color:inherit"});
      this.slider = make("input", {type: "range", min: 0, max: this.duration, step: 0.01, value: 0},
        {"aria-label": "position in seconds", style: "flex:1 1 8em;min-width:6em;max-width:28em"});
      this.slider.oninput = () => this.seek(Number(this.slider.value));
      this.time = make("span");
      const loop = make("label", {}, {style: "white-space:nowrap"});
      this.loop = make("input", {type: "checkbox", onchange: () => this.repeat()});
      loop.append(this.loop, " again and again");
      const transport = make("div", {}, row);
      transport.append(this.button, this.slider, this.time, loop);
      const choices = make("div", {}, {...row, role: "group", "aria-label": "which sound is heard"});
      const captions = this.figures.map(figure => figure.querySelector("figcaption").textContent);
      const note = / \(all lowered by .*\)$/; // is told once here, not by every button
      this.buttons = captions.map((caption, index) => make("button", {
        type: "button", textContent: caption.replace(note, ""), onclick: () => this.choose(index),
      }, {style: BUTTON + "text-align:left"}));
      choices.append(...this.buttons);
      this.status = make("span", {}, {role: "status"});
      this.status.textContent = (captions[0].match(note) || [""])[0];
      this.append(transport, choices, this.status);
      for (const control of this.querySelectorAll("button, input")) { // JupyterLab's keys are not for them
        control.setAttribute("data-lm-suppress-shortcuts", "true");
      }
      this.plain.style.display = "none";
      this.mark();
      this.show();
    }

    mark() {
      this.buttons.forEach((button, index) => {
        const pressed = index === this.chosen;
        button.setAttribute("aria-pressed", pressed);
        button.style.background = pressed ? "#0072B2" : "transparent";
        button.style.color = pressed ? "#fff" : "inherit";
      });
    }

    position() {
      if (!this.sources) return this.offset;
      const passed = Math.max(0, this.context.currentTime - this.started) + this.offset;
      return this.loop.checked ? passed % this.duration : Math.min(passed, this.duration);
    }

    show() {
      const at = this.position();
      this.slider.value = at;
      this.slider.setAttribute("aria-valuetext", `${at.toFixed(1)} of ${this.duration.toFixed(1)} seconds`);
      this.time.textContent = `${at.toFixed(2)} of ${this.duration.toFixed(2)} s`;
    }

    async load() {
      shared = shared || new AudioContext();
      this.context = shared;
      const decode = async figure => this.context.decodeAudioData(await bytes(figure.querySelector("audio").src));
      const sounds = await Promise.all(this.figures.map(decode));
      const length = Math.max(1, ...sounds.map(sound => sound.length));
      this.sounds = sounds.map(sound => { // of one length, so that they stay together in a loop, too
        const padded = this.context.createBuffer(1, length, this.context.sampleRate);
        padded.copyToChannel(sound.getChannelData(0), 0);
        return padded;
      });
      this.duration = length / this.context.sampleRate;
      this.slider.max = this.duration;
    }

    async toggle() {
      if (this.sources) { this.pause(); return; }
      this.loading = this.loading || this.load();
      try {
        await this.loading;
      } catch (error) { // a browser that plays the format, and does not decode it here
        this.status.textContent = "This browser cannot switch between these sounds (" + error + ").";
        this.plain.style.display = "flex";
        return;
      }
      if (this.sources || !this.isConnected) return;
      this.start();
      await this.context.resume();
    }

    start() {
      if (playing && playing !== this) playing.pause();
      playing = this;
      const context = this.context;
      if (this.offset >= this.duration - FADE) this.offset = 0;
      this.started = context.currentTime + 0.01;
      this.gains = this.sounds.map((_, index) => {
        const gain = context.createGain();
        gain.gain.value = index === this.chosen ? 1 : 0;
        gain.connect(context.destination);
        return gain;
      });
      this.sources = this.sounds.map((buffer, index) => {
        const source = context.createBufferSource();
        source.buffer = buffer;
        source.loop = this.loop.checked;
        source.connect(this.gains[index]);
        source.start(this.started, this.offset);
        return source;
      });
      this.sources[0].onended = () => this.ended();
      this.button.textContent = "Pause";
      const tick = () => {
        if (!this.sources) return;
        this.show();
        requestAnimationFrame(tick);
      };
      tick();
    }

    repeat() { // from now on; the time that has passed so far stays where it is
      if (!this.sources) return;
      this.offset = (Math.max(0, this.context.currentTime - this.started) + this.offset) % this.duration;
      this.started = this.context.currentTime;
      for (const source of this.sources) source.loop = this.loop.checked;
    }

    fade(levels) {
      const now = this.context.currentTime;
      this.gains.forEach((node, index) => {
        node.gain.cancelScheduledValues(now);
        node.gain.setValueAtTime(node.gain.value, now);
        node.gain.linearRampToValueAtTime(levels[index], now + FADE);
      });
    }

    choose(index) {
      this.chosen = index;
      this.mark();
      if (this.sources) this.fade(this.sounds.map((_, i) => (i === index ? 1 : 0)));
    }

    stop() {
      this.fade(this.sounds.map(() => 0));
      for (const source of this.sources) {
        source.onended = null;
        source.stop(this.context.currentTime + FADE);
      }
      this.sources = null;
      this.button.textContent = "Play";
      if (playing === this) playing = null;
    }

    pause() {
      if (!this.sources) return;
      this.offset = this.position();
      this.stop();
      this.show();
    }

    ended() {
      this.stop();
      this.offset = 0;
      this.show();
    }

    seek(seconds) {
      const running = Boolean(this.sources);
      if (running) this.stop();
      this.offset = seconds;
      if (running) this.start();
      this.show();
    }
  }

  if (!customElements.get("hypersound-compare")) customElements.define("hypersound-compare", ComparePlayer);
  for (const element of document.querySelectorAll("hypersound-compare")) element.build();
})();
