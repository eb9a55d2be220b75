/* Sets the Bokeh plot in motion: filters, views, the choice of runs and the cards with their samples. */
"use strict";

(async () => {
  const content = JSON.parse(document.getElementById("content").textContent);
  const element = (id) => document.getElementById(id);
  const box = element("plot");
  await Bokeh.embed.embed_item(content.plot, box);
  const page = Bokeh.documents.at(-1);
  const named = (name) => page.get_model_by_name(name);
  const plot = named("plot");
  const sources = Object.fromEntries(
    ["runs", "settings", "curves", "whole", "published", "frontier", "hull", "diagonal", "stop", "current", "pinned",
      "infeasible", "boundary", "prefix"]
      .map((name) => [name, named(name)])
      .filter(([, source]) => source),
  );
  const runs = sources.runs.data;
  const count = runs.cell.length;
  const slider = element("stop");  // there is one if there are whole curves
  const lines = sources.whole?.data;
  const measured = runs.generative.some(Boolean);  // the bounds on the generative information, of some run

  let view = "distortion";
  let shown = [];       // numbers of the runs that pass the filter, by rate
  let current = null;   // number of the run last clicked or walked to
  const pins = [];
  let stop = 0;         // where the slider stands
  let followed = -1;    // number of the whole curve whose images follow it

  /* Geometry of the frontier: the same as rdplane.frontier. Points are [rate, distortion]. */

  function pareto(points) {
    const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    let best = Infinity;
    return sorted.filter(([, distortion]) => distortion < best && ((best = distortion), true));
  }

  function lowerHull(front) {
    const hull = [];
    for (const c of front) {
      while (hull.length > 1) {
        const [a, b] = hull.slice(-2);
        if ((b[0] - a[0]) * (c[1] - b[1]) > (c[0] - b[0]) * (b[1] - a[1])) break;
        hull.pop();
      }
      hull.push(c);
    }
    return hull;
  }

  function staircase(front) {
    if (!front.length) return [];
    const far = 1e3 * Math.max(1, ...front.map(([rate]) => rate), front[0][1]);
    const corners = [[front[0][0], far]];
    front.forEach(([rate, distortion], i) => {
      if (i) corners.push([rate, front[i - 1][1]]);
      corners.push([rate, distortion]);
    });
    return [...corners, [far, front.at(-1)[1]]];
  }

  /* Drawing. -ELBO = R + D shears the plane, so that straight lines stay straight in both views. */

  function setLine(name, points) {
    const height = view === "neg_elbo" ? ([rate, distortion]) => rate + distortion : ([, distortion]) => distortion;
    sources[name].data = { x: points.map(([rate]) => rate), y: points.map(height) };
  }

  const fieldsets = [...document.querySelectorAll("[data-filter]")];

  /** Numbers of the entries of a source whose columns all hold chosen values; columns that it lacks do not count. */
  function passing(data) {
    const tests = fieldsets
      .filter((fieldset) => fieldset.dataset.filter in data)
      .map((fieldset) => [
        data[fieldset.dataset.filter],
        new Set([...fieldset.querySelectorAll("input:checked")].map((input) => input.value)),
      ]);
    return [...data.rate.keys()].filter((i) => tests.every(([column, chosen]) => chosen.has(String(column[i]))));
  }

  function filter() {
    for (const name of ["runs", "settings", "curves", "whole", "published"])
      if (sources[name]) named(`${name}_shown`).indices = passing(sources[name].data);
    shown = passing(runs).sort((a, b) => runs.rate[a] - runs.rate[b]);
    const noun = slider ? "points" : "runs";
    element("count").textContent =
      shown.length === count ? `All ${count} ${noun} shown.` : `${shown.length} of ${count} ${noun} shown.`;
    element("all").hidden = shown.length === count;
    drawLines();
    drawChosen();
    drawList();
  }

  function drawLines() {
    const points = shown.map((i) => [runs.rate[i], runs.y_distortion[i]]);
    const front = pareto(points);
    setLine("frontier", staircase(front));
    setLine("hull", lowerHull(front));
    const best = Math.min(...shown.map((i) => runs.y_neg_elbo[i]));
    const line = element("best");  // there is none beside the true boundary
    if (line) line.textContent = shown.length ? best.toFixed(1) : "?";
    // Beyond R = best the bound is D = 0, which the R-D view has as its axis.
    const bound = view === "neg_elbo" ? [[0, best], [best, 0], [10 * best, 0]] : [[0, best], [best, 0]];
    setLine("diagonal", line && shown.length ? bound : []);
  }

  /** What the axes show before any zoom. */
  function home() {
    const published = document.querySelector("[data-layer=published]:checked") !== null;
    return content.limits[published ? "published" : "runs"][view];
  }

  function reset() {
    const { x, y } = home();
    plot.x_range.setv({ start: x[0], end: x[1], reset_start: x[0], reset_end: x[1] });
    plot.y_range.setv({ start: y[0], end: y[1], reset_start: y[0], reset_end: y[1] });
  }

  function setView(name) {
    view = name;
    for (const source of Object.values(sources)) {
      const data = { ...source.data };
      for (const place of ["y", "low", "high"]) if (`${place}_${view}` in data) data[place] = data[`${place}_${view}`];
      source.data = data;
    }
    named("vertical").axis_label = content.labels[view];
    reset();
    drawLines();
    drawChosen();
  }

  function zoom(factor) {
    for (const range of [plot.x_range, plot.y_range]) {
      const middle = (range.start + range.end) / 2, half = (factor * (range.end - range.start)) / 2;
      range.setv({ start: middle - half, end: middle + half });
    }
  }

  /* Choosing runs. */

  const height = (i) => runs[`y_${view}`][i];
  const bestOf = (among) => among.reduce((best, i) => (runs.y_neg_elbo[i] < runs.y_neg_elbo[best] ? i : best), among[0]);

  function drawChosen() {
    const visible = new Set(shown);
    const mark = (chosen) => {
      const drawn = chosen.filter((i) => visible.has(i));
      // Numbers go around the mark, so that those of pins on one another can be read.
      const angles = drawn.map((i) => (pins.indexOf(i) - 1) * 0.25 * Math.PI);
      return {
        x: drawn.map((i) => runs.rate[i]), y: drawn.map(height), number: drawn.map((i) => String(pins.indexOf(i) + 1)),
        across: angles.map((angle) => 20 * Math.cos(angle)), down: angles.map((angle) => 20 * Math.sin(angle)),
      };
    };
    sources.pinned.data = mark(pins);
    sources.current.data = mark(current === null ? [] : [current]);
    if (slider) drawStop();
  }

  function inView(i) {
    const within = (range, value) => value >= range.start && value <= range.end;
    return within(plot.x_range, runs.rate[i]) && within(plot.y_range, height(i));
  }

  function choose(i) {
    current = i;
    if (slider && i !== null) follow(i);
    if (i !== null) {
      const place = shown.indexOf(i);
      element("status").textContent =
        `${runs.model[i]}, ${runs.label[i]}, R ${runs.rate_text[i]}, D ${runs.distortion_text[i]}, ` +
        `−ELBO ${runs.neg_elbo_text[i]} nats, seed ${runs.seed[i]}` +
        (place < 0 ? "" : `, ${place + 1} of ${shown.length}`) + (pins.includes(i) ? ", pinned" : "");
    } else element("status").textContent = "";
    drawChosen();
    drawCards();
    drawList();
  }

  function walk(step) {
    if (!shown.length) return;
    const place = shown.indexOf(current);
    const last = shown.length - 1;
    const next = place < 0 ? (step > 0 ? 0 : last) : Math.max(0, Math.min(last, place + step));
    if (!inView(shown[next])) reset();
    choose(shown[next]);
  }

  function togglePin(i) {
    const place = pins.indexOf(i);
    if (place < 0) pins.push(i);
    else pins.splice(place, 1);
    choose(current);
  }

  /** Choose the run nearest to a click, within a finger's reach; of runs on one another the one after the current. */
  function click({ x, y }) {
    const across = plot.inner_width / (plot.x_range.end - plot.x_range.start);
    const up = plot.inner_height / (plot.y_range.end - plot.y_range.start);
    const away = (i) => Math.hypot((runs.rate[i] - x) * across, (height(i) - y) * up);
    const near = shown.filter((i) => away(i) < 22).sort((a, b) => away(a) - away(b));
    if (!near.length) return;
    const pile = near.filter((i) => away(i) < away(near[0]) + 5).sort((a, b) => a - b);
    choose(pile.includes(current) ? pile[(pile.indexOf(current) + 1) % pile.length] : near[0]);
  }

  /* Whole curves: the slider stands at one measured number for all of them, and the followed one shows its images. */

  const atStop = () => shown.filter((i) => runs.stop[i] === stop);

  function drawStop() {
    const here = atStop();
    sources.stop.data = { x: here.map((i) => runs.rate[i]), y: here.map(height) };
    const width = lines.width.map((each, curve) => (curve === followed ? 1.8 * each : each));
    sources.whole.data = { ...sources.whole.data, width };
    const i = here.find((i) => runs.curve[i] === followed);
    const number = content.stops[stop];
    const places = i === undefined ? [] : [`R ${runs.rate[i].toFixed(1)}`, `D ${runs.y_distortion[i].toFixed(1)}`];
    slider.value = stop;
    slider.disabled = !shown.some((i) => runs.stop[i] >= 0);
    slider.setAttribute("aria-valuetext", [number, ...places].join(", "));
    element("at").replaceChildren(make("b", { textContent: number }),
      slider.disabled ? "no curve is shown" : i === undefined ? "" : `${runs.model[i]}: ${places.join(", ")} nats`);
  }

  /** Take the slider to a run on a curve, and follow that curve. */
  function follow(i) {
    if (runs.stop[i] >= 0) stop = runs.stop[i];
    if (runs.curve[i] < 0 || runs.curve[i] === followed) return;
    followed = runs.curve[i];
    // Decoded ahead, so that nothing flickers on the way.
    for (const [other, cell] of runs.cell.entries()) if (runs.curve[other] === followed) preload(content.samples[cell]);
  }

  function slide() {
    stop = Number(slider.value);
    const here = atStop();
    const i = here.find((i) => runs.curve[i] === followed) ?? bestOf(here);
    if (i === undefined) drawStop();
    else choose(i);
    element("status").textContent = "";  // the slider's own text says the same
  }

  /* Cards and table. Texts are set as text, never as markup. */

  function make(tag, properties = {}, ...children) {
    const node = Object.assign(document.createElement(tag), properties);
    node.append(...children);
    return node;
  }

  function picture(name, zoom, alt) {
    const image = make("img", { src: content.images[name], alt, className: "samples" });
    const fit = () => { image.width = zoom * image.naturalWidth; };
    if (image.complete) fit();
    else image.decode().then(fit, () => {});
    return image;
  }

  const ahead = new Map();

  function preload(stored) {
    for (const name of stored ? [stored.data, stored.reconstruction, stored.generation] : [])
      if (!ahead.has(name)) ahead.set(name, make("img", { src: content.images[name] }));
  }

  function captions(...texts) {
    return make("div", { className: "captions" }, ...texts.map((text) => make("span", { textContent: text })));
  }

  function sheet(kind, image) {
    return make("figure", {}, make("figcaption", { textContent: kind }), image);
  }

  function dataCard(stored) {
    return make("div", { className: "card data" }, make("div", { className: "head" }), captions("data"),
      sheet("", picture(stored.data, stored.zoom, "Test images")));
  }

  function card(i) {
    const name = `${runs.model[i]}, ${runs.label[i]}`;
    const pinned = pins.includes(i);
    const button = make("button", { type: "button", textContent: pinned ? "Unpin" : "Pin", onclick: () => togglePin(i) });
    button.setAttribute("aria-label", `${button.textContent} ${name}`);
    const title = make("h3", {},
      make("img", { src: content.swatches[runs.architecture[i]], width: 20, height: 20, alt: "" }), name,
      make("b", { textContent: pinned ? String(pins.indexOf(i) + 1) : "" }));
    const numbers = make("dl");
    const terms = [["R", runs.rate_text[i]], ["D", runs.distortion_text[i]], ["−ELBO", runs.neg_elbo_text[i]]];
    if (measured) terms.push(["I_d", runs.generative[i] || "not measured"]);
    for (const [term, text] of [...terms, ["annealed", runs.annealing[i]], ["seed", runs.seed[i]]])
      numbers.append(make("dt", { textContent: term }), make("dd", { textContent: text }));
    const node = make("article", { className: i === current ? "card current" : "card" },
      make("div", { className: "head" }, title, numbers, button));
    node.setAttribute("aria-label", name);
    const stored = content.samples[runs.cell[i]];
    if (!stored) node.append(make("p", { className: "none", textContent: "No samples are stored for this cell." }));
    else node.append(captions("sample", "average"), ...["reconstruction", "generation"].map((kind) => sheet(kind,
      picture(stored[kind], stored.zoom, `${kind}s of ${name}: a sample and the average of ${stored.draws} in each row`))));
    return node;
  }

  function drawCards() {
    const chosen = current === null || pins.includes(current) ? pins : [current, ...pins];
    const cards = [];
    let data = null;
    for (const i of chosen) {
      const stored = content.samples[runs.cell[i]];
      if (stored && stored.data !== data) cards.push(dataCard(stored));
      data = stored ? stored.data : data;
      cards.push(card(i));
    }
    if (!cards.length) cards.push(make("p", { className: "none", textContent: "No run is chosen." }));
    element("cards").replaceChildren(...cards);
    element("unpin").hidden = !pins.length;
  }

  function drawList() {
    const list = element("list");
    if (!list.open) return;
    list.querySelector("tbody").replaceChildren(...shown.map((i) => {
      const button = make("button", { type: "button", textContent: runs.model[i], onclick: () => choose(i) });
      button.setAttribute("aria-label", `Show ${runs.model[i]}, ${runs.label[i]}`);
      const texts = [runs.label[i], runs.annealing[i], runs.seed[i], runs.rate_text[i], runs.distortion_text[i], runs.neg_elbo_text[i]];
      const row = make("tr", {}, make("td", {}, button), ...texts.map((text) => make("td", { textContent: text })));
      if (i === current) row.setAttribute("aria-current", "true");
      return row;
    }));
  }

  /* Controls. */

  function setLayer(input) {
    // Published points may lie beyond the runs: show them, unless the reader has zoomed.
    if (input.dataset.layer === "published" && plot.x_range.start === plot.x_range.reset_start &&
      plot.x_range.end === plot.x_range.reset_end) reset();
    for (const renderer of plot.renderers) if (renderer.name === `draw_${input.dataset.layer}`) renderer.visible = input.checked;
  }

  const keys = {
    ArrowRight: () => walk(1), ArrowDown: () => walk(1), ArrowLeft: () => walk(-1), ArrowUp: () => walk(-1),
    Home: () => walk(-count), End: () => walk(count), Enter: () => current !== null && togglePin(current),
    Escape: () => choose(null), "+": () => zoom(0.7), "-": () => zoom(1 / 0.7), 0: reset,
  };

  element("controls").reset();
  reset();
  const layers = [...document.querySelectorAll("[data-layer]")];
  // A finger on the plot scrolls the page and two fingers zoom, until a tool is chosen.
  if (matchMedia("(pointer: coarse)").matches) for (const tool of plot.toolbar.tools) if (tool.type === "PanTool") tool.active = false;
  for (const input of layers) {
    input.onchange = () => setLayer(input);
    setLayer(input);
  }
  for (const fieldset of fieldsets) fieldset.onchange = filter;
  element("all").onclick = () => {
    for (const input of document.querySelectorAll("[data-filter] input")) input.checked = true;
    filter();
  };
  for (const input of document.querySelectorAll("#views input")) {
    input.checked = input.value === view;
    input.onchange = () => setView(input.value);
  }
  element("in").onclick = () => zoom(0.7);
  element("out").onclick = () => zoom(1 / 0.7);
  element("reset").onclick = reset;
  element("unpin").onclick = () => { pins.length = 0; choose(current); };
  element("list").ontoggle = drawList;
  plot.on_event("tap", click);
  if (slider) slider.oninput = slide;
  box.addEventListener("keydown", (event) => {
    const action = keys[event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });

  filter();
  if (slider) follow(bestOf(shown.filter((i) => runs.stop[i] >= 0)));
  choose(bestOf(shown));
  document.documentElement.dataset.ready = "true";
})();
