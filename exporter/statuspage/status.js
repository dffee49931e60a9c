(() => {
  "use strict";
  const every = 5000;
  const lost = document.getElementById("lost");
  let answered = Date.now();
  let timer = 0;

  // become makes one node like another and leaves in place what is the same, so
  // that focus, selection and opened details stay.
  const become = (node, next) => {
    if (node.nodeType !== next.nodeType || node.nodeName !== next.nodeName) {
      node.replaceWith(next);
      return;
    }
    if (node.nodeType !== Node.ELEMENT_NODE) {
      if (node.nodeValue !== next.nodeValue) node.nodeValue = next.nodeValue;
      return;
    }
    for (const { name } of [...node.attributes]) {
      if (name !== "open" && !next.hasAttribute(name)) node.removeAttribute(name);
    }
    for (const { name, value } of next.attributes) {
      if (name !== "open" && node.getAttribute(name) !== value) node.setAttribute(name, value);
    }
    const [old, fresh] = [[...node.childNodes], [...next.childNodes]];
    fresh.forEach((child, i) => (i < old.length ? become(old[i], child) : node.append(child)));
    old.slice(fresh.length).forEach((child) => child.remove());
  };

  const show = (text) => {
    const next = new DOMParser().parseFromString(text, "text/html");
    if (!next.querySelector("main")) throw new Error("this is another page");
    if (next.querySelector("style").textContent !== document.querySelector("style").textContent) {
      location.reload();
      return;
    }
    become(document.querySelector("main"), next.querySelector("main"));
    become(document.querySelector("link[rel=icon]"), next.querySelector("link[rel=icon]"));
    if (document.title !== next.title) document.title = next.title;
    answered = Date.now();
    lost.hidden = true;
  };

  const update = async () => {
    clearTimeout(timer);
    try {
      const answer = await fetch(location.pathname + location.search, { cache: "no-store", signal: AbortSignal.timeout(2 * every) });
      if (!answer.ok) throw new Error(answer.statusText);
      show(await answer.text());
    } catch {
      const seconds = Math.round((Date.now() - answered) / 1000);
      lost.textContent = `No answer from the device for ${seconds} s. What stands here is old.`;
      lost.hidden = false;
      document.title = "? " + document.title.replace(/^\S+ /, "");
    }
    if (!document.hidden) timer = setTimeout(update, every);
  };

  document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(timer) : update()));
  timer = setTimeout(update, every);
})();
