/** Gathers changes until the browser draws next, so that a busy feed costs at most one update a frame. */

export interface Frame {
  /** Asks for `onFrame` before the next drawing; further calls until then add nothing. */
  request(): void;
}

export function createFrame(onFrame: () => void): Frame {
  let isRequested = false;
  return {
    request: () => {
      if (isRequested) return;
      isRequested = true;
      requestAnimationFrame(() => {
        isRequested = false;
        onFrame();
      });
    },
  };
}
