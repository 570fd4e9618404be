/**
 * TCP clients that never read, with receive buffers of 4 KB: what is sent to them stays with the sender. A Perl process holds them,
 * since Node cannot set that buffer's size. Knows no protocol.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Connections that never read, all of one process. */
export interface DeafClients {
  /** Every one of them sends it. */
  send(bytes: Buffer | string): void;
  /** Cuts them all. */
  close(): Promise<void>;
}

const program = `
use Socket;
my ($port, $count) = @ARGV;
my @sockets = map {
  socket(my $socket, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
  setsockopt($socket, SOL_SOCKET, SO_RCVBUF, pack('l', 4096)) or die "setsockopt: $!";
  connect($socket, sockaddr_in($port, INADDR_LOOPBACK)) or die "connect: $!";
  $socket;
} 1 .. $count;
$SIG{PIPE} = 'IGNORE';
while (sysread(STDIN, my $bytes, 65536)) { syswrite($_, $bytes) for @sockets }
`;

/** Connects that many to a port of the loopback. They end with this process. */
export function startDeafClients({ port, count }: { port: number; count: number }): DeafClients {
  const child = spawn('perl', ['-e', program, String(port), String(count)], {
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(child, 'exit');
  return {
    send: (bytes) => void child.stdin.write(bytes),
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}
