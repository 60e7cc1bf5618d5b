package control

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"time"
)

// lines sends and receives bounded lines of JSON. One goroutine may send while another receives.
type lines struct {
	conn net.Conn
	in   *bufio.Scanner
}

func newLines(c net.Conn) *lines {
	in := bufio.NewScanner(c)
	in.Buffer(make([]byte, 0, 4096), maxLine)
	return &lines{c, in}
}

func (l *lines) send(v any) error {
	line, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(line) >= maxLine {
		return errors.New("control: too long a line")
	}
	l.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err = l.conn.Write(append(line, '\n'))
	return err
}

func (l *lines) receive(v any) error {
	l.conn.SetReadDeadline(time.Now().Add(patience))
	if !l.in.Scan() {
		if err := l.in.Err(); err != nil {
			return err
		}
		return io.ErrUnexpectedEOF
	}
	return json.Unmarshal(l.in.Bytes(), v)
}
