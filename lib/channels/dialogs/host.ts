/** The app's own file dialogs: what the user chooses is lent. */

import { type Asking, createDialogs, dialogAgent, dialogAsks } from "../file_dialogs.ts";
import type { Channel } from "../interface.ts";

export const channel: Channel<Asking> = {
  ...dialogAgent,
  asks: dialogAsks,
  serve(_container, io) {
    const served = io.shared(createDialogs).served(io);
    io.closing.addEventListener("abort", () => served.gone?.(), { signal: io.signal });
    return served;
  },
};
