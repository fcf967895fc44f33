// Shows a mosaic, one picture pixel per weight enlarged by whole screen pixels, group by group as
// the width allows. Hovering and the arrow keys name a tile; a click or Enter reports a point in it.
const SMALLEST = 16; // CSS pixels: a smaller tile cannot be hit, so the group scrolls sideways
const WANTED = 26; // CSS pixels of a tile where several groups share a row
const LARGEST = 96; // CSS pixels of a tile that fills the width
const NAMED = 54; // CSS pixels of a tile that carries its name
const LINE = 13; // CSS pixels of a name
const GAP = 20; // CSS pixels between groups
const NARROW = 640; // CSS pixels of a screen on which what is opened stands below the grid
const HINT = "Click a tile to open it, or use the arrow keys and Enter.";

// What is shown in each place, so that a rerun that changes nothing keeps size, focus and scroll.
const shown = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".mosaic");
  const before = shown.get(root);
  const same = before && before.data.png === data.png && before.data.alt === data.alt &&
    before.data.key.text === data.key.text && !before.data.label === !data.label && before.data.named === data.named &&
    // Pictures of different tiles may be the same.
    `${before.data.block}` === `${data.block}` && `${before.data.channel}` === `${data.channel}`;
  if (same) {
    before.report = component.setTriggerValue;
    before.open(data.at, data.link);
  } else {
    const here = { data, report: component.setTriggerValue, chosen: before?.chosen ?? null };
    shown.set(root, here);
    root.replaceChildren();
    build(root, data, here);
  }
  const observer = new ResizeObserver(() => shown.get(root).place());
  observer.observe(root);
  return () => observer.disconnect();
}

function element(parent, tag, className, text) {
  const found = document.createElement(tag);
  if (className) found.className = className;
  if (text !== undefined) found.textContent = text;
  parent.appendChild(found);
  return found;
}

function nameOf(data, i) {
  const name = data.block === null
    ? `patch filter ${data.channel[i]}`
    : `block ${data.block[i]}, kernel ${data.channel[i]}`;
  return data.label ? `${name}: ${data.label[i]}` : name;
}

// Finds tiles by place: the grid of each group is read off its tiles' corners.
function gridOf(data, group) {
  const [height, width] = data.tile;
  const indices = Array.from({ length: group.count }, (_, i) => group.first + i);
  const xs = [...new Set(indices.map((i) => data.x[i]))].sort((a, b) => a - b);
  const across = xs.length;
  const pitchX = across > 1 ? xs[1] - xs[0] : width + 1;
  const ys = [...new Set(indices.map((i) => data.y[i]))].sort((a, b) => a - b);
  const pitchY = ys.length > 1 ? ys[1] - ys[0] : height + 1;
  return {
    across,
    // Picture pixels from the group's corner to a tile, or -1 between tiles.
    at(x, y) {
      const column = Math.floor(x / pitchX), row = Math.floor(y / pitchY);
      if (column < 0 || column >= across || row < 0) return -1;
      if (x - column * pitchX >= width || y - row * pitchY >= height) return -1;
      const i = row * across + column;
      return i < group.count ? group.first + i : -1;
    },
  };
}

function build(root, data, here) {
  const [rows, columns] = data.shape;
  const [tileHeight, tileWidth] = data.tile;
  let zoom = 1, current = -1;

  const bar = element(root, "div", "bar");
  const smaller = element(bar, "button", "", "−");
  const larger = element(bar, "button", "", "+");
  const fit = element(bar, "button", "", "Fit");
  smaller.ariaLabel = "Smaller"; larger.ariaLabel = "Larger"; fit.ariaLabel = "Fit the width";
  const what = element(bar, "span", "what", HINT);
  what.ariaLive = "polite";
  if (data.small) bar.style.display = "none";

  const bytes = Uint8Array.from(atob(data.png), (c) => c.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  const field = element(root, "div", "field");
  field.tabIndex = 0;
  field.setAttribute("role", "application");
  field.ariaLabel = `${data.alt} ${HINT}`;
  field.style.gap = `${GAP}px`;
  let waiting = data.groups.length;
  const groups = data.groups.map((group, number) => {
    const box = element(field, "div", "group");
    if (group.title && data.titled) element(box, "div", "title", group.title);
    const frame = element(box, "div", "frame");
    const image = element(frame, "img");
    image.draggable = false;
    image.alt = number ? "" : data.alt;
    image.onload = image.onerror = () => { if (--waiting === 0) URL.revokeObjectURL(url); };
    image.src = url;
    const names = data.named && data.label
      ? Array.from({ length: group.count }, (_, i) =>
        element(frame, "span", "name", data.label[group.first + i]))
      : [];
    return { ...group, box, frame, image, names, grid: gridOf(data, group) };
  });
  const [mark, opened] = ["mark", "mark opened"].map((name) => {
    const made = document.createElement("div");
    made.className = name;
    return made;
  });
  let at = data.at ?? -1, link = data.link;
  const groupOf = (i) => groups.find((g) => i >= g.first && i < g.first + g.count);

  const ratio = () => window.devicePixelRatio || 1;
  function fitting(room, r) {
    const widest = Math.max(...groups.map((g) => g.right - g.left));
    const least = Math.ceil(((data.small ? 1 : SMALLEST) * r) / tileWidth);
    const most = Math.max(least, Math.floor((LARGEST * r) / tileWidth));
    const alone = Math.floor((room * r) / widest);
    if (groups.length === 1) return Math.max(least, Math.min(most, alone), 1);
    const start = Math.max(least, Math.min(alone, Math.round((WANTED * r) / tileWidth)), 1);
    const inRow = (p) => Math.floor((room + GAP) / ((widest * p) / r + GAP));
    const abreast = Math.max(1, Math.min(inRow(start), groups.length));
    let pixels = start;
    while (pixels < most && inRow(pixels + 1) >= abreast) pixels += 1;
    return pixels;
  }
  function place() {
    const r = ratio(), room = root.clientWidth || 300;
    const legible = data.named ? Math.ceil((NAMED * r) / tileWidth) : 1;
    const alike = data.side && Math.max(1, Math.round((data.side * r) / tileWidth));
    const pixels = here.chosen ?? (alike || Math.max(legible, fitting(room, r)));
    zoom = pixels / r;
    for (const g of groups) {
      g.frame.style.width = `${(g.right - g.left) * zoom}px`;
      g.frame.style.height = `${(g.bottom - g.top) * zoom + (data.named ? LINE : 0)}px`;
      g.image.style.width = `${columns * zoom}px`;
      g.image.style.height = `${rows * zoom}px`;
      g.image.style.left = `${-g.left * zoom}px`;
      g.image.style.top = `${-g.top * zoom}px`;
      g.names.forEach((name, n) => {
        const i = g.first + n;
        name.style.left = `${(data.x[i] - g.left) * zoom}px`;
        name.style.width = `${tileWidth * zoom}px`;
        name.style.top = `${(data.y[i] - g.top + tileHeight) * zoom}px`;
      });
    }
    smaller.disabled = pixels <= 1;
    larger.disabled = pixels * tileWidth >= 400 * r || pixels * Math.max(rows, columns) >= 30000;
    if (current >= 0) point(current, false);
    surround(opened, at);
  }
  function surround(box, i) {
    if (i < 0) return box.remove();
    const g = groupOf(i);
    g.frame.appendChild(box);
    box.style.left = `${(data.x[i] - g.left) * zoom}px`;
    box.style.top = `${(data.y[i] - g.top) * zoom}px`;
    box.style.width = `${tileWidth * zoom}px`;
    box.style.height = `${tileHeight * zoom}px`;
  }
  function point(i, intoView) {
    current = i;
    if (!data.small) what.textContent = i < 0 ? HINT : nameOf(data, i);
    field.title = i < 0 ? "" : nameOf(data, i);
    surround(mark, i);
    if (i >= 0 && intoView) mark.scrollIntoView({ block: "nearest", inline: "nearest" });
  }
  function pick(i, apart) {
    if (i < 0) return;
    if (link !== null) return follow(i, apart);
    here.report("picked", { x: data.x[i] + tileWidth / 2, y: data.y[i] + tileHeight / 2 });
    if (innerWidth <= NARROW) {
      document.querySelector(".st-key-viz-beside")?.scrollIntoView({ behavior: "smooth" });
    }
  }
  // The page takes a new address for one that the browser's history has led to.
  function follow(i, apart) {
    const tile = data.block === null ? "" : `&block=${data.block[i]}`;
    const address = `${link}${tile}&channel=${data.channel[i]}`;
    if (apart) return window.open(address, "_blank");
    history.pushState({}, "", address);
    dispatchEvent(new PopStateEvent("popstate"));
  }
  here.open = (i, where) => {
    at = i ?? -1;
    link = where;
    surround(opened, at);
  };
  function up(i, step) {
    const g = groupOf(i), next = i + step * g.grid.across;
    if (next >= g.first && next < g.first + g.count) return next;
    const other = groups[groups.indexOf(g) + step];
    if (!other) return i;
    const column = Math.min((i - g.first) % g.grid.across, other.count - 1);
    if (step > 0) return other.first + column;
    const lastRow = Math.floor((other.count - 1) / other.grid.across) * other.grid.across;
    return Math.min(other.first + lastRow + column, other.first + other.count - 1);
  }
  const along = (i, step) => Math.max(0, Math.min(data.x.length - 1, i + step));
  for (const g of groups) {
    const under = (event) => {
      const box = g.frame.getBoundingClientRect();
      return g.grid.at((event.clientX - box.left) / zoom, (event.clientY - box.top) / zoom);
    };
    g.frame.onpointermove = (event) => point(under(event), false);
    g.frame.onpointerleave = () => point(-1, false);
    g.frame.onclick = (event) => pick(under(event), event.ctrlKey || event.metaKey);
  }
  field.onkeydown = (event) => {
    const i = current;
    if (event.key === "Enter" || event.key === " ") pick(i);
    else if (event.key === "Home" || (i < 0 && event.key.startsWith("Arrow"))) point(0, true);
    else if (event.key === "End") point(data.x.length - 1, true);
    else if (event.key === "ArrowLeft") point(along(i, -1), true);
    else if (event.key === "ArrowRight") point(along(i, 1), true);
    else if (event.key === "ArrowUp") point(up(i, -1), true);
    else if (event.key === "ArrowDown") point(up(i, 1), true);
    else return;
    event.preventDefault();
    event.stopPropagation(); // the page has keys of its own, such as those to the next kernel
  };
  const by = (factor) => {
    const now = Math.round(zoom * ratio());
    const next = factor > 1 ? Math.max(now + 1, Math.round(now * factor)) : Math.floor(now * factor);
    here.chosen = Math.max(1, next);
    place();
  };
  smaller.onclick = () => by(1 / 1.4);
  larger.onclick = () => by(1.4);
  fit.onclick = () => { here.chosen = null; place(); };

  if (!data.small) {
    const key = element(root, "div", "key");
    element(key, "span", "", data.key.low);
    const ramp = element(key, "span", "ramp");
    ramp.style.background = `linear-gradient(to right, ${data.key.colours.join(",")})`;
    element(key, "span", "", data.key.high);
    element(key, "span", "text", data.key.text);
  }
  here.place = place;
  place();
}
