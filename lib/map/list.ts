/** `map.ts --list`: the files that are lent. */

import type { Host } from "../base/host.ts";
import { showTable } from "../cli/table.ts";
import type { EngineOptions } from "../container/address.ts";
import { wantedCli } from "../engine/engine.ts";
import { readLoans } from "../container/lend/journal.ts";
import { isCopy, labelOfLoan, type Loan } from "../container/lend/loan.ts";

/**
 * Lists the files that are lent to containers of one engine or both.
 *
 * @param options `engine`: the value of `--engine`
 */
export async function listLoans(host: Host, options: EngineOptions): Promise<void> {
  const loans = await wantedLoans(host, options);
  const rows = loans.map((loan) => [loan.hostPath, loan.containerPath, labelOfLoan(loan)]);
  showTable(host.ui, rows, {
    heading: ["HERE", "IN THE CONTAINER", "CONTAINER"],
    none: "No file is lent",
    data: loanData(loans),
  });
}

/** The recorded loans to containers of the requested engine. */
export async function wantedLoans(host: Host, { engine }: EngineOptions): Promise<Loan[]> {
  const cli = engine === undefined ? undefined : wantedCli(host, engine);
  return (await readLoans(host)).filter((loan) => cli === undefined || loan.engine === cli);
}

export function showLoans(host: Host, loans: readonly Loan[]): void {
  const lines = loans.map((loan) => [loan.hostPath, loan.containerPath, ...(isCopy(loan) ? [labelOfLoan(loan)] : [])]);
  host.ui.result(lines.map((line) => line.join("\t")).join("\n"), loanData(loans));
}

function loanData(loans: readonly Loan[]): unknown {
  return loans.map((loan) => {
    const { hostPath: host, containerPath: container, handed, id } = loan;
    const name = labelOfLoan(loan);
    const way = isCopy(loan) ? { device: null, copyIn: name } : { device: id };
    return { host, container, ...way, readOnly: loan.readOnly && !handed, name };
  });
}
