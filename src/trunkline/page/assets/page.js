// SPDX-License-Identifier: Apache-2.0
// Fetches cameras' pictures while somebody looks at them, and takes files that are dropped.
"use strict";
(() => {
  const LEAST_PAUSE = 100; // milliseconds: at most ten pictures a second
  const MOST_PAUSE = 1000;
  const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));

  const seen = new WeakSet(); // cameras that are in the window
  const watching = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      entry.isIntersecting ? seen.add(entry.target) : seen.delete(entry.target);
    }
  });

  const show = (camera, frame, picture) => {
    const box = camera.querySelector(".tl-frame");
    box.style.setProperty("--ratio", frame.width / frame.height);
    box.querySelector("img, .tl-wait").replaceWith(picture);
    box.querySelector(".tl-overlay").innerHTML = frame.overlay;
    if (frame.answers !== undefined) camera.querySelector(".tl-said").innerHTML = frame.answers;
  };

  const fetchFrame = async (camera, version, everything) => {
    const address = camera.dataset.camera;
    const query = `after=${version}${everything ? "&all=1" : ""}`;
    const answer = await fetch(`${address}.json?${query}`, { signal: AbortSignal.timeout(20000) });
    if (answer.status === 401) location.reload();
    if (answer.status !== 200) return null;
    const frame = await answer.json();
    const picture = new Image();
    picture.alt = `Picture of ${camera.dataset.name}`;
    picture.src = `${address}.jpg?version=${frame.version}`;
    await picture.decode();
    return [frame, picture];
  };

  const follow = async (camera) => {
    let version = "none";
    let opened = false;
    let wait = LEAST_PAUSE;
    while (camera.isConnected) {
      if (document.hidden || !seen.has(camera)) {
        await pause(2 * LEAST_PAUSE);
        continue;
      }
      const begun = performance.now();
      const open = camera.querySelector("details").open;
      if (open && !opened) version = "none"; // the answers are wanted for a picture already shown
      opened = open;
      const found = await fetchFrame(camera, version, open).catch(() => null);
      if (found) {
        show(camera, ...found);
        version = found[0].version;
      }
      wait = found ? LEAST_PAUSE : Math.min(MOST_PAUSE, 1.5 * wait);
      await pause(Math.max(LEAST_PAUSE / 4, wait - (performance.now() - begun)));
    }
    watching.unobserve(camera);
  };

  const begun = new WeakSet();
  const begin = () => {
    for (const camera of document.querySelectorAll("[data-camera]")) {
      if (begun.has(camera)) continue;
      begun.add(camera);
      watching.observe(camera);
      follow(camera);
    }
  };

  const send = (files) => {
    const zone = document.querySelector("[data-uploader]");
    const uploader = zone && getElement(Number(zone.dataset.uploader)).$refs.qRef;
    if (!uploader || !files.length) return;
    uploader.removeUploadedFiles();
    uploader.addFiles(files);
  };

  let depth = 0; // dragenter and dragleave come for every element on the way
  const dragging = (change) => {
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("tl-dragging", depth > 0);
  };
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => carriesFiles(event) && dragging(1));
  document.addEventListener("dragleave", (event) => carriesFiles(event) && dragging(-1));
  document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    dragging(-depth);
    send([...event.dataTransfer.files]);
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.(".tl-drop input")) return;
    send([...event.target.files]);
    event.target.value = "";
  });

  new MutationObserver(begin).observe(document.documentElement, { childList: true, subtree: true });
  begin();
})();
