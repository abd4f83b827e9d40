// Descriptions of elements, and how the page is made to look like them. What the user did (focus,
// typed text, an opened detail) stays: an element is changed, not replaced, while tag and key agree.

const SVG = "http://www.w3.org/2000/svg";
const AS_PROPERTY = new Set(["checked", "value", "disabled", "open", "hidden"]);

export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, children: children.flat(Infinity).filter(isShown) };
}

const isShown = (child) => child !== null && child !== undefined && child !== false && child !== "";

/** Makes the children of `parent` those described. */
export function render(parent, children, namespace) {
  const kept = new Map();
  for (const node of parent.childNodes) if (node.described?.props?.key) kept.set(node.described.props.key, node);
  let place = parent.firstChild;
  for (const child of [children].flat(Infinity).filter(isShown)) {
    const node = matching(child, place, kept) ?? create(child, namespace);
    if (node === place) place = place.nextSibling;
    else parent.insertBefore(node, place);
    update(node, child);
  }
  while (place) {
    const next = place.nextSibling;
    place.remove();
    place = next;
  }
}

function matching(child, place, kept) {
  if (typeof child !== "object") return place?.nodeType === Node.TEXT_NODE ? place : null;
  const { key } = child.props;
  if (key) {
    const node = kept.get(key);
    return node?.described.tag === child.tag ? node : null;
  }
  return place?.described && !place.described.props.key && place.described.tag === child.tag ? place : null;
}

function create(child, namespace) {
  if (typeof child !== "object") return document.createTextNode("");
  const inside = child.tag === "svg" ? SVG : namespace;
  return inside ? document.createElementNS(inside, child.tag) : document.createElement(child.tag);
}

function update(node, child) {
  if (typeof child !== "object") {
    if (node.data !== String(child)) node.data = String(child);
    return;
  }
  if (node.described === child) return;
  const before = node.described?.props ?? {};
  node.described = child;
  for (const name in before) if (!(name in child.props)) assign(node, name, undefined);
  for (const name in child.props) {
    if (child.props[name] !== before[name]) assign(node, name, child.props[name]);
  }
  render(node, child.children, node.namespaceURI === SVG ? SVG : undefined);
}

function assign(node, name, value) {
  if (name === "key") return;
  if (name.startsWith("on")) node[name] = value ?? null;
  else if (AS_PROPERTY.has(name) && !(node.namespaceURI === SVG)) node[name] = value ?? (name === "value" ? "" : false);
  else if (value === undefined || value === null || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : value);
}
