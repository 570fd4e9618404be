/** Gathers changes until the browser draws next, so that a busy feed costs at most one update a frame. */

/** One update of the page to come, however often it was asked for. */
export interface Frame {
  /** Asks for `onFrame` before the next drawing; further calls until then add nothing. */
  request(): void;
}

/** `onFrame` never fires within `request`, and not at all while the browser does not draw, as in a hidden tab. */
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
