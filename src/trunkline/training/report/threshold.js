"use strict";
// Everything that depends on the threshold carries its values at all thresholds.
const slider = document.getElementById("threshold");
const begun = slider.value;

function pick(name, separator, set) {
  for (const each of document.querySelectorAll(`[data-${name}]`)) {
    set(each, each.getAttribute(`data-${name}`).split(separator)[slider.value]);
  }
}

function show() {
  pick("text", "|", (each, value) => { each.textContent = value; });
  for (const name of ["width", "cx", "cy"]) {
    pick(name, " ", (each, value) => each.setAttribute(name, value));
  }
  // The spread was measured at one threshold only.
  document.body.classList.toggle("moved", slider.value !== begun);
}

slider.addEventListener("input", show);
document.body.classList.add("live");
