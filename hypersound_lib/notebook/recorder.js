// The button and the field for a file of `recorder_html`, which fills in what is in capitals here. What is recorded or
// chosen is decoded, packed as a WAV, and typed as base64 into the text field of a `voice_input`.
(() => {
  const box = document.getElementById("NAME");
  const [button, status, link] = box.children, chosen = box.querySelector("input");
  let recorder = null;
  const say = text => { status.textContent = text; };

  function wav(samples, rate) {  // Float32Array -> bytes of a mono 16-bit WAV
    const view = new DataView(new ArrayBuffer(44 + 2 * samples.length));
    const text = (at, word) => [...word].forEach((c, i) => view.setUint8(at + i, c.charCodeAt(0)));
    text(0, "RIFF"); view.setUint32(4, 36 + 2 * samples.length, true); text(8, "WAVEfmt ");
    view.setUint32(16, 16, true); view.setUint16(20, 1, true); view.setUint16(22, 1, true);
    view.setUint32(24, rate, true); view.setUint32(28, 2 * rate, true);
    view.setUint16(32, 2, true); view.setUint16(34, 16, true);
    text(36, "data"); view.setUint32(40, 2 * samples.length, true);
    samples.forEach((x, i) => view.setInt16(44 + 2 * i, Math.round(32767 * Math.max(-1, Math.min(1, x))), true));
    return new Blob([view.buffer], {type: "audio/wav"});
  }

  async function decode_and_give(recording) {
    const sound = await new OfflineAudioContext(1, 1, 44100).decodeAudioData(await recording.arrayBuffer());
    const samples = new Float32Array(Math.min(sound.length, Math.ceil(SECONDS * sound.sampleRate)));
    for (let c = 0; c < sound.numberOfChannels; c++)  // their mean, as load_audio has it
      sound.getChannelData(c).subarray(0, samples.length).forEach((x, i) => samples[i] += x / sound.numberOfChannels);
    const file = wav(samples, sound.sampleRate);
    link.href = URL.createObjectURL(file);
    link.hidden = false;
    const reader = new FileReader();
    reader.onload = () => {
      const field = [...document.querySelectorAll(".FIELD textarea, textarea.FIELD")].pop();
      if (!field) { say("Decoded. No kernel listens here: save it, and upload it where one does."); return; }
      field.value = reader.result.split(",")[1];
      for (const name of ["input", "change"]) field.dispatchEvent(new Event(name, {bubbles: true}));
      say((samples.length / sound.sampleRate).toFixed(1) + " s taken.");
    };
    reader.readAsDataURL(file);
  }

  const hand_over = recording => decode_and_give(recording).catch(error => say("It could not be read: " + error));

  chosen.onchange = () => { if (chosen.files.length) hand_over(chosen.files[0]); chosen.value = ""; };

  button.onclick = async () => {
    if (recorder && recorder.state === "recording") { recorder.stop(); return; }
    try {
      const plain = {echoCancellation: false, noiseSuppression: false, autoGainControl: false};
      const stream = await navigator.mediaDevices.getUserMedia({audio: plain});
      const parts = [];
      recorder = new MediaRecorder(stream);
      recorder.ondataavailable = event => parts.push(event.data);
      recorder.onstop = () => {
        stream.getTracks().forEach(track => track.stop());
        button.textContent = "Record again";
        hand_over(new Blob(parts, {type: recorder.mimeType}));
      };
      recorder.start();
      const current = recorder;
      setTimeout(() => { if (current.state === "recording") current.stop(); }, 1000 * SECONDS);
      button.textContent = "Stop";
      say("Speak now, for up to SECONDS seconds.");
    } catch (error) {
      say("There is no microphone here (" + error + "). Record with another program, and upload the file.");
    }
  };
})();
