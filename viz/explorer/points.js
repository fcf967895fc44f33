// Shows a figure whose points can be opened: the nearest one is named and marked, a click or Enter
// reports it. Places are whole numbers, in ten-thousandths of the figure's width and height.
const WITHIN = 18; // CSS pixels: further from every point than this, nothing is meant
const UNIT = 10000;
const HINT = "Click a point to open its kernel, or use the arrow keys and Enter.";
const shown = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".points");
  const before = shown.get(root);
  if (before && before.data.png === data.png) {
    before.report = component.setTriggerValue;
    return;
  }
  const here = { data, report: component.setTriggerValue };
  shown.set(root, here);
  root.replaceChildren();
  build(root, data, here);
}

function element(parent, tag, className) {
  const found = document.createElement(tag);
  found.className = className;
  parent.appendChild(found);
  return found;
}

function build(root, data, here) {
  element(root, "div", "hint").textContent = "Wider than this screen: move it sideways.";
  const what = element(root, "div", "what");
  what.textContent = HINT;
  what.ariaLive = "polite";
  const field = element(element(root, "div", "frame"), "div", "field");
  field.tabIndex = 0;
  field.setAttribute("role", "application");
  field.ariaLabel = `${data.alt} ${HINT}`;
  const image = element(field, "img", "");
  const bytes = Uint8Array.from(atob(data.png), (c) => c.charCodeAt(0));
  const url = URL.createObjectURL(new Blob([bytes], { type: "image/png" }));
  image.draggable = false;
  image.alt = data.alt;
  image.onload = image.onerror = () => URL.revokeObjectURL(url);
  image.src = url;
  const mark = document.createElement("div");
  mark.className = "mark";
  let current = -1;

  // The arrow keys go through the points of each panel as they lie, and on to the next panel.
  const count = data.x.length;
  const order = Array.from({ length: count }, (_, i) => i).sort(
    (a, b) => data.panel[a] - data.panel[b] || data.x[a] - data.x[b] || data.y[a] - data.y[b]);
  const rank = new Array(count);
  order.forEach((i, place) => { rank[i] = place; });

  function under(event) {
    const box = image.getBoundingClientRect();
    const across = box.width / UNIT, down = box.height / UNIT;
    const px = event.clientX - box.left, py = event.clientY - box.top;
    let best = -1, least = WITHIN * WITHIN;
    for (let i = 0; i < count; i++) {
      const dx = data.x[i] * across - px, dy = data.y[i] * down - py;
      const far = dx * dx + dy * dy;
      if (far < least) { least = far; best = i; }
    }
    return best;
  }
  function point(i) {
    current = i;
    const row = i < 0 ? -1 : data.row[i];
    const name = i < 0 ? HINT : data.name[row];
    what.textContent = name;
    field.title = i < 0 ? "" : name;
    if (i < 0) return mark.remove();
    field.appendChild(mark);
    mark.style.left = `${(100 * data.x[i]) / UNIT}%`;
    mark.style.top = `${(100 * data.y[i]) / UNIT}%`;
  }
  const pick = (i) => { if (i >= 0) here.report("picked", { point: i }); };
  field.onpointermove = (event) => point(under(event));
  field.onpointerleave = () => point(-1);
  field.onclick = (event) => pick(under(event));
  field.onkeydown = (event) => {
    const steps = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 };
    if (event.key === "Enter" || event.key === " ") pick(current);
    else if (event.key === "Home") point(order[0]);
    else if (event.key === "End") point(order[count - 1]);
    else if (event.key in steps) {
      const place = current < 0 ? 0 : rank[current] + steps[event.key];
      point(order[Math.max(0, Math.min(count - 1, place))]);
    } else return;
    event.preventDefault();
    event.stopPropagation(); // the page has keys of its own, such as those to the next kernel
  };
}
