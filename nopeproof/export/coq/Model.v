(* What a Transformer without positional encoding computes. This file and the theorem in the generated file are all one
   has to read: the other library files hold only proofs that the checker is right, and coqc checks those.

   Numbers are those of any ordered field with an exponential: the reals are one (Real.v), and nothing else about them
   is used. Every law below is a hypothesis of the theorems, so that no axiom is needed. *)

From Coq Require Import ZArith QArith List Bool Field InitialRing.
Import ListNotations.
Open Scope nat_scope.

Record field := {
  number :> Type;
  zero : number; one : number;
  add : number -> number -> number; mul : number -> number -> number; sub : number -> number -> number;
  opp : number -> number; div : number -> number -> number; inv : number -> number;
  is_field : field_theory zero one add mul sub opp div inv (@eq number);
  le : number -> number -> Prop;
  le_antisym : forall x y, le x y -> le y x -> x = y;
  le_trans : forall x y z, le x y -> le y z -> le x z;
  le_total : forall x y, le x y \/ le y x;
  le_add : forall x y z, le x y -> le (add x z) (add y z);
  le_mul : forall x y, le zero x -> le zero y -> le zero (mul x y);
  exp : number -> number;
  exp_add : forall x y, exp (add x y) = mul (exp x) (exp y);
  exp_positive : forall x, le zero (exp x) /\ exp x <> zero;
  ln : number -> number;
  exp_ln : forall x, le zero x -> x <> zero -> exp (ln x) = x;
  sqrt : number -> number;
  sqrt_square : forall x, le zero x -> mul (sqrt x) (sqrt x) = x;
  relu : number -> number;
  relu_on : forall x, le zero x -> relu x = x;
  relu_off : forall x, le x zero -> relu x = zero
}.

Arguments zero {_}. Arguments one {_}. Arguments add {_}. Arguments mul {_}. Arguments sub {_}. Arguments opp {_}.
Arguments div {_}. Arguments inv {_}. Arguments le {_}. Arguments exp {_}. Arguments ln {_}. Arguments sqrt {_}. Arguments relu {_}.
Declare Scope number_scope.
Delimit Scope number_scope with num.
Notation "x + y" := (add x y) : number_scope.
Notation "x * y" := (mul x y) : number_scope.
Notation "x - y" := (sub x y) : number_scope.
Notation "x / y" := (div x y) : number_scope.
Notation "- x" := (opp x) : number_scope.

(* --- a circuit, as data ------------------------------------------------------------------------------------------- *)

(* What a weight may mention: free symbols (any value), the symbols a generic token has of its own, T, the index k of a
   range of hidden units, sqrt(n), ln(n). A weight is a polynomial in these: a list of (coefficient, product). *)
Inductive symbol := Sym (n : nat) | Own (n : nat) | Len | Idx | Root (n : positive) | Log (n : positive).
Definition weight := list (Q * list symbol).
Definition vector := list (nat * weight). (* coordinate, entry; the others are 0 *)

Record head := { W_Q : list vector; W_K : list vector; W_V : list vector; W_O : list vector; scale : weight }.

(* What is added to the residual stream by one sub-layer: attention heads, or hidden units and the output bias. *)
Inductive part :=
  | Head (h : head)
  | Opaque (writes : list nat)                        (* anything whatever, but only in these coordinates *)
  | Bias (b : vector)
  | Unit (read : vector) (bias : weight) (write : vector)
  | Units (read : vector) (bias : weight) (write : vector) (first slope offset floor : Z).
                                                      (* k = first, ..., (slope * T + offset) / floor, rounded down *)

(* classes: the embedding of each class of tokens; a class may be that of the BOS token, one may be generic: it stands for
   every token without a class of its own, and its symbols may differ from token to token.
   layers: attention 1, FFN 1, attention 2, FFN 2, ... *)
Record circuit := { d_model : nat; classes : list vector; bos : option nat; generic : option nat; layers : list (list part) }.

Fixpoint sum {F : field} (n : nat) (f : nat -> F) : F := (* f 1 + ... + f n *)
  match n with O => zero | S m => add (sum m f) (f n) end.

Fixpoint total {F : field} {A : Type} (f : A -> F) (l : list A) : F :=
  match l with [] => zero | x :: rest => add (f x) (total f rest) end.

Section Run.
  Variable F : field.
  Local Open Scope number_scope.

  Definition ofZ (z : Z) : F := gen_phiZ zero one add mul opp z.
  Definition ofQ (q : Q) : F := ofZ (Qnum q) / ofZ (Zpos (Qden q)).
  Definition inj (n : nat) : F := ofZ (Z.of_nat n).

  (* A token: its class, and the values of the symbols it has of its own. *)
  Definition token := (nat * (nat -> F))%type.
  Definition word := list token.
  Definition at_ (w : word) (t : nat) : token := nth (t - 1) w (O, fun _ => zero). (* positions count from 1 *)

  (* sym: the free symbols. T: the length a family's member is built for. any l n t i: what the opaque part n of layer l
     adds at position t in coordinate i. *)
  Variables (sym : nat -> F) (any : nat -> nat -> nat -> nat -> F) (T : nat).

  Definition meaning (own : nat -> F) (k : F) (s : symbol) : F :=
    match s with
    | Sym n => sym n | Own n => own n | Len => inj T | Idx => k
    | Root n => sqrt (ofZ (Zpos n)) | Log n => ln (ofZ (Zpos n))
    end.
  Definition fixed := meaning (fun _ => zero) zero.
  Definition at_index (k : Z) := meaning (fun _ => zero) (ofZ k).

  Definition product (rho : symbol -> F) (l : list symbol) : F := fold_right (fun s acc => rho s * acc) one l.
  Definition value (rho : symbol -> F) (w : weight) : F := total (fun term => ofQ (fst term) * product rho (snd term)) w.
  Definition entry rho (v : vector) (i : nat) : F := total (fun e => if Nat.eqb (fst e) i then value rho (snd e) else zero) v.
  Definition dot rho (v : vector) (x : nat -> F) : F := total (fun e => value rho (snd e) * x (fst e)) v.

  Definition score (h : head) (x y : nat -> F) : F :=
    value fixed (scale h) * total (fun qk => dot fixed (fst qk) x * dot fixed (snd qk) y) (combine (W_Q h) (W_K h)).
  Definition written (h : head) (y : nat -> F) (i : nat) : F :=
    total (fun vo => entry fixed (snd vo) i * dot fixed (fst vo) y) (combine (W_V h) (W_O h)).
  (* causal softmax attention: the weight of key i at query t, and the weighted mean of what the keys write *)
  Definition attention (h : head) (x : nat -> nat -> F) (t i : nat) : F :=
    exp (score h (x t) (x i)) / sum t (fun j => exp (score h (x t) (x j))).
  Definition mean (h : head) (x : nat -> nat -> F) (t i : nat) : F :=
    sum t (fun j => exp (score h (x t) (x j)) * written h (x j) i) / sum t (fun j => exp (score h (x t) (x j))).

  Definition unit_ (rho : symbol -> F) read bias write (x : nat -> F) (i : nat) : F :=
    entry rho write i * relu (dot rho read x + value rho bias).

  (* What part n of layer l adds at position t in coordinate i, when the stream before it is x. *)
  Definition adds (l n : nat) (p : part) (x : nat -> nat -> F) (t i : nat) : F :=
    match p with
    | Head h => mean h x t i
    | Opaque writes => if existsb (Nat.eqb i) writes then any l n t i else zero
    | Bias b => entry fixed b i
    | Unit read bias write => unit_ fixed read bias write (x t) i
    | Units read bias write first slope offset floor =>
        let last := ((slope * Z.of_nat T + offset) / floor)%Z in
        sum (Z.to_nat (last - first + 1))
            (fun n => unit_ (at_index (first + Z.of_nat n - 1)) read bias write (x t) i)
    end.

  Variables (c : circuit) (w : word).

  Definition parts (l : nat) : list (nat * part) := let ps := nth l (layers c) [] in combine (seq 0 (length ps)) ps.

  (* The residual stream after l sub-layers, at position t, coordinate i. *)
  Fixpoint after (l : nat) (t i : nat) : F :=
    match l with
    | O => entry (meaning (snd (at_ w t)) zero) (nth (fst (at_ w t)) (classes c) []) i
    | S m => after m t i + total (fun np => adds m (fst np) (snd np) (after m) t i) (parts m)
    end.

  (* Words: every token is of a class of the circuit; if there is a BOS, it stands at position 1 and nowhere else. *)
  Definition good_word : Prop :=
    forall t, (1 <= t <= length w)%nat ->
      (fst (at_ w t) < length (classes c))%nat /\
      match bos c with Some b => (fst (at_ w t) = b <-> t = 1%nat) | None => True end.
End Run.

Arguments ofZ {F}. Arguments ofQ {F}. Arguments inj {F}. Arguments at_ {F}.

(* --- claims --------------------------------------------------------------------------------------------------------- *)

(* Expressions in the query's position t, the key's position i, and T. *)
Inductive expr := Int (z : Z) | Pos | Key | Length | RootOf (n : positive) | LogOf (n : positive)
  | Plus (a b : expr) | Minus (a b : expr) | Times (a b : expr) | Over (a b : expr).

Fixpoint eval {F : field} (t i T : nat) (e : expr) : F :=
  match e with
  | Int z => ofZ z | Pos => inj t | Key => inj i | Length => inj T
  | RootOf n => sqrt (ofZ (Zpos n)) | LogOf n => ln (ofZ (Zpos n))
  | Plus a b => add (eval t i T a) (eval t i T b) | Minus a b => sub (eval t i T a) (eval t i T b)
  | Times a b => mul (eval t i T a) (eval t i T b) | Over a b => div (eval t i T a) (eval t i T b)
  end.

(* No weight mentions T and no range of units depends on it: the same weights serve every length. *)
Definition no_T (w : weight) : bool := forallb (fun term => forallb (fun s => match s with Len => false | _ => true end) (snd term)) w.
Definition vector_no_T (v : vector) : bool := forallb (fun e => no_T (snd e)) v.
Definition part_no_T (p : part) : bool :=
  match p with
  | Head h => forallb vector_no_T (W_Q h ++ W_K h ++ W_V h ++ W_O h) && no_T (scale h)
  | Opaque _ => true
  | Bias b => vector_no_T b
  | Unit read bias write => vector_no_T read && no_T bias && vector_no_T write
  | Units read bias write _ slope _ _ => vector_no_T read && no_T bias && vector_no_T write && Z.eqb slope 0
  end.
Definition uniform (c : circuit) : bool := forallb vector_no_T (classes c) && forallb (forallb part_no_T) (layers c).

(* Uniform: there are weights for all T. PerLength: for all T there are weights. bos_first: one BOS, at t = 1; else any
   word. every_vocabulary: the words may hold any number of tokens that the circuit does not name. *)
Inductive order := Uniform | PerLength.
Record scope := { quantifiers : order; bos_first : bool; every_vocabulary : bool }.
Definition is_some {A : Type} (o : option A) : bool := match o with Some _ => true | None => false end.
Definition fits (s : scope) (c : circuit) : bool :=
  match quantifiers s with Uniform => uniform c | PerLength => true end
  && Bool.eqb (bos_first s) (is_some (bos c)) && implb (every_vocabulary s) (is_some (generic c)).

(* Layers are counted from 0, the embedding being the stream before layer 0; parts of a layer likewise. *)
Inductive claim :=
  | Equals (l i : nat) (e : expr)               (* after l sub-layers coordinate i is e, at every t *)
  | Unchanged (l l' : nat) (coordinates : list nat)
  | ScoreIs (l n : nat) (e : expr) (content : list nat)
                                                (* for i <= t the score is e, plus one function of the content at t and at i *)
  | SameAttention (l n n' : nat).               (* two heads of layer l have the same attention weights *)

Definition part_at (c : circuit) (l n : nat) : part := nth n (nth l (layers c) []) (Opaque []).
Definition agree {A : Type} (l : list nat) (x y : nat -> A) : Prop := forall i, In i l -> x i = y i.

Definition holds (c : circuit) (s : scope) (statement : claim) : Prop :=
  fits s c = true /\
  forall (F : field) (sym : nat -> F),
    let word_of T w := good_word F c w /\ length w <= T in
    let h any T w := after F sym any T c w in
    match statement with
    | Equals l i e => forall any T w t, word_of T w -> 1 <= t <= length w -> h any T w l t i = eval t t T e
    | Unchanged l l' coordinates =>
        forall any T w t, word_of T w -> 1 <= t <= length w -> agree coordinates (h any T w l t) (h any T w l' t)
    | ScoreIs l n e content =>
        match part_at c l n with
        | Head head =>
            exists f : (nat -> F) -> (nat -> F) -> F,
              (content = [] -> forall x y, f x y = zero) /\
              (forall x x' y y', agree content x x' -> agree content y y' -> f x y = f x' y') /\
              forall any T w t i, word_of T w -> 1 <= i <= t -> t <= length w ->
                score F sym T head (h any T w l t) (h any T w l i) = add (eval t i T e) (f (h any T w l t) (h any T w l i))
        | _ => False
        end
    | SameAttention l n n' =>
        match part_at c l n, part_at c l n' with
        | Head one, Head two =>
            forall any T w t i, word_of T w -> 1 <= i <= t -> t <= length w ->
              attention F sym T one (h any T w l) t i = attention F sym T two (h any T w l) t i
        | _, _ => False
        end
    end.
