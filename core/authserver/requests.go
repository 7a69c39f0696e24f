package authserver

import (
	"context"
	"errors"

	pb "github.com/atedb/atedb/sdk/authserver/authserverpb"
	"github.com/atedb/atedb/sdk/fault"
)

// reply answers a request.
func (c *caller) reply(ctx context.Context, m *pb.Request) *pb.Reply {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	reply := new(pb.Reply)
	if err := c.answer(ctx, m, reply); err != nil {
		f := fault.From(err)
		reply = &pb.Reply{Code: string(f.Code), Reason: f.Reason}
		if wait := (*throttled)(nil); errors.As(err, &wait) {
			reply.RetryAfterSeconds = wait.wait
		}
		if f.Code == fault.Internal || f.Code == fault.Damaged {
			c.log.Error("a request failed", "from", c.from, "error", err)
		}
	}
	reply.Id = m.Id
	return reply
}

// answer puts the answer to a request into the reply.
func (c *caller) answer(ctx context.Context, m *pb.Request, reply *pb.Reply) (err error) {
	switch ask := m.Ask.(type) {
	case *pb.Request_Look:
		answer := new(pb.Reply_Found)
		answer.Found, err = c.look(ctx, ask.Look)
		reply.Answer = answer
	case *pb.Request_CheckToken:
		answer := new(pb.Reply_TokenStatus)
		answer.TokenStatus, err = c.checkToken(ctx, ask.CheckToken)
		reply.Answer = answer
	case *pb.Request_GetStretch:
		answer := new(pb.Reply_Stretch)
		answer.Stretch, err = c.getStretch(ctx, ask.GetStretch)
		reply.Answer = answer
	case *pb.Request_Login:
		answer := new(pb.Reply_LoggedIn)
		answer.LoggedIn, err = c.login(ctx, ask.Login)
		reply.Answer = answer
	case *pb.Request_GetUser:
		answer := new(pb.Reply_User)
		answer.User, err = c.getUser(ctx)
		reply.Answer = answer
	case *pb.Request_GetGroup:
		answer := new(pb.Reply_Group)
		answer.Group, err = c.getGroup(ctx, ask.GetGroup)
		reply.Answer = answer
	case *pb.Request_ListTokens:
		answer := new(pb.Reply_Tokens)
		answer.Tokens, err = c.listTokens(ctx)
		reply.Answer = answer
	default:
		reply.Answer = &pb.Reply_Done{Done: &pb.Done{}}
		err = c.do(ctx, m)
	}
	return err
}

// do serves a request whose answer is that it is done.
func (c *caller) do(ctx context.Context, m *pb.Request) error {
	switch ask := m.Ask.(type) {
	case *pb.Request_Present:
		return c.present(ctx, ask.Present)
	case *pb.Request_CreateUser:
		return c.createUser(ctx, ask.CreateUser)
	case *pb.Request_PutUser:
		return c.putUser(ctx, ask.PutUser)
	case *pb.Request_SetTotp:
		return c.setTOTP(ctx, ask.SetTotp)
	case *pb.Request_PutGroup:
		return c.putGroup(ctx, ask.PutGroup)
	case *pb.Request_RegisterToken:
		return c.registerToken(ctx, ask.RegisterToken)
	case *pb.Request_RevokeToken:
		return c.revokeToken(ctx, ask.RevokeToken)
	}
	return fault.New(fault.Unsupported, "this server does not know what is asked; upgrade it")
}
