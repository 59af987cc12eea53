// The meter beside a new password. It estimates in the page, with the server's own code as a WebAssembly module, and sends nothing.
// Without it the form works the same: the server says the same words afterwards.
"use strict";

for (const meter of document.querySelectorAll(".strength[data-module]")) {
  const field = document.getElementById("password");
  const email = document.getElementById("email");
  const says = meter.querySelector(".says");
  const { module, words, about, fewest, lowest, most } = meter.dataset;
  // Screen readers are told once a pause shows that a word is done.
  const pause = 600;
  let loading = null;
  let telling = 0;

  const load = async () => {
    const [source, list] = await Promise.all([fetch(module), words ? fetch(words) : null]);
    if (list && !list.ok) throw new Error("no words");
    const { instance } = await WebAssembly.instantiateStreaming(source);
    const { memory, reserve, release, add_words, judge } = instance.exports;
    const withText = (texts, act) => {
      const put = texts.map((text) => {
        const bytes = new TextEncoder().encode(text);
        const address = reserve(bytes.length);
        new Uint8Array(memory.buffer, address, bytes.length).set(bytes);
        return [address, bytes.length];
      });
      const answer = act(...put.flat());
      for (const [address, length] of put) {
        new Uint8Array(memory.buffer, address, length).fill(0);
        release(address);
      }
      return answer;
    };
    if (list) withText([await list.text()], (...place) => add_words(...place));
    // The form with fewer characters, as the server has it.
    const judged = (password) => {
      const normal = password.normalize("NFKC");
      return [...password].length < [...normal].length ? password : normal;
    };
    return (password, known) => withText([judged(password), known], (...places) => {
      const block = judge(...places, Number(fewest), Number(lowest), Number(most));
      const view = new DataView(memory.buffer, block);
      const text = new TextDecoder().decode(new Uint8Array(memory.buffer, block + 32, view.getInt32(28, true)));
      return {
        guesses: view.getFloat64(0, true), score: view.getInt32(8, true), refusal: view.getInt32(12, true),
        warning: view.getInt32(16, true), suggestions: view.getInt32(20, true), level: view.getInt32(24, true), words: text.split("\n"),
      };
    });
  };

  const tell = (lines) => {
    const title = document.createElement("b");
    title.textContent = lines[0];
    const sentences = lines.slice(1).flatMap((line) => {
      const sentence = document.createElement("span");
      sentence.textContent = line;
      return [" ", sentence];
    });
    says.replaceChildren(title, ...sentences);
  };

  // Null offline, or in a browser without WebAssembly: the server judges alone. The next key press tries again.
  const ready = () => (loading ??= load().catch(() => { loading = null; return null; }));

  const show = async () => {
    const judge = await ready();
    clearTimeout(telling);
    meter.hidden = !judge || field.value === "";
    if (meter.hidden) return says.replaceChildren();
    // The person first, as the server has it.
    const known = [email ? email.value.trim() : "", about].filter(Boolean).join("\n").normalize("NFKC");
    const verdict = judge(field.value, known);
    const mixed = /\p{Alphabetic}/u.test(field.value) && /\p{N}/u.test(field.value);
    const lacks = meter.dataset.mixes && !mixed;
    if (lacks) verdict.words.push("Letters and digits are both asked for.");
    meter.dataset.score = lacks ? Math.min(verdict.level, 2) : verdict.level;
    telling = setTimeout(() => tell(verdict.words), says.childElementCount ? pause : 0);
  };

  field.addEventListener("focus", ready, { once: true });
  field.addEventListener("input", show);
  email?.addEventListener("change", () => { if (field.value) show(); });
  // What a page shows again after a step back is judged at once.
  if (field.value) show();
}
