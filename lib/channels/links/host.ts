/** The channel `links`: links that apps open, on this host or in another container. Only web addresses pass. */

import openingPy from "../opening.py" with { type: "text" };
import linksSh from "./session.sh" with { type: "text" };
import { rate } from "../../guard/rate.ts";
import { destinationText } from "../destinations.ts";
import type { Channel } from "../interface.ts";
import { destinationOf, openAt, openingQuestion, parseLink } from "../opening.ts";

export const channel: Channel<string> = {
  agent: { parts: [openingPy], interfaces: ["AppChooser"] },
  session: { parts: [linksSh] },
  asks: { link: ({ url }) => typeof url === "string" ? url : undefined },
  serve(container, io) {
    const isBearable = rate({ perSecond: 0.5, burst: 5 }, io.now);
    return {
      take: (text) =>
        io.handle(isBearable, async () => {
          const url = parseLink(text);
          const { destinations } = io;
          const details = [["Host", url.host], ["Address", url.href]] as const;
          const agreed = await io.agreedTo(
            await openingQuestion(container, { kind: "links", details, destinations, mayLeave: true }),
          );
          if (agreed === false) return false;
          const destination = destinationOf(agreed, destinations);
          const link = { kind: "link", host: url.host, where: destinationText(destination) } as const;
          const { ended } = await openAt(container, io, {
            destination,
            address: url,
            happening: link,
            what: `a link to ${url.host}`,
          });
          // In another container, the exit status is that of the app.
          const note = (code: number): unknown => code !== 0 && container.history.note({ ...link, failed: true });
          if (destination.on === "host") void ended.then(note);
          return true;
        }),
    };
  },
};
