package egress_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
)

// names are those that the name server knows. It has no others.
var names = map[string]string{"seven.test": "198.51.100.7", "company.test": "10.1.2.3", "long.test": "198.51.100.7"}

// answerName answers a question (RFC 1035, section 4). A packet holds no answer about long.test: it says so.
func answerName(question []byte, packet bool) []byte {
	answer := bytes.Clone(question[:12])
	answer[2], answer[3] = 0x84, 0x80
	binary.BigEndian.PutUint16(answer[8:], 0)
	binary.BigEndian.PutUint16(answer[10:], 0)
	at, labels := 12, []string{}
	for question[at] != 0 {
		labels = append(labels, string(question[at+1:at+1+int(question[at])]))
		at += 1 + int(question[at])
	}
	at += 5 // the end of the name, the type and the class
	name, isA := strings.Join(labels, "."), question[at-3] == 1
	answer = append(answer, question[12:at]...)
	switch address, known := names[name]; {
	case !known:
		answer[3] |= 3
	case name == "long.test" && packet:
		answer[2] |= 2
	case isA:
		answer[7] = 1
		answer = append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		answer = append(answer, netip.MustParseAddr(address).AsSlice()...)
	}
	return answer
}

func serveNames(packets net.PacketConn) {
	message := make([]byte, 1<<16)
	for {
		n, from, err := packets.ReadFrom(message)
		if err != nil {
			return
		}
		_, _ = packets.WriteTo(answerName(message[:n], true), from)
	}
}

// serveName answers questions of a connection, each of which has its length before it.
func serveName(conn net.Conn) {
	for {
		var length uint16
		if binary.Read(conn, binary.BigEndian, &length) != nil {
			return
		}
		question := make([]byte, length)
		if _, err := io.ReadFull(conn, question); err != nil {
			return
		}
		answer := answerName(question, false)
		_, _ = conn.Write(binary.BigEndian.AppendUint16(nil, uint16(len(answer))))
		_, _ = conn.Write(answer)
	}
}
