(* One run of a circuit that stands for its runs on all words: the stream at a position, as quotients of polynomials. This
   file holds the computation alone; Sound.v proves that it says what the runs do. *)

From Coq Require Import ZArith NArith QArith Qreduction List Bool Lia.
From Nopeproof Require Import Model Numbers Poly.
Import ListNotations.
Open Scope nat_scope.

(* t = n, or t = m r + k for some r. *)
Inductive place := Fixed (n : nat) | Mod (k : nat).
Definition case := (nat * place)%type. (* the class of the token there, and where *)

(* For a range of units: the last active one is slope * r + offset; the sum of the first k is a polynomial in k (Aux 0) and r. *)
Record unit_hint := { slope : Z; offset : Z; sums : list (nat * list (Q * list var)) }.
Record hints := { modulus : nat; singles : nat; fraction : positive; for_units : list ((nat * nat * place) * unit_hint);
  needed : list (list nat) }. (* after each number of sub-layers: the coordinates worth computing; the others stay unknown *)

Definition place_eqb (a b : place) : bool :=
  match a, b with Fixed n, Fixed k => Nat.eqb n k | Mod n, Mod k => Nat.eqb n k | _, _ => false end.
Definition rzero : ratio := ([], pint 1).
Definition pread (l : list (Q * list var)) : poly :=
  fold_right (fun term acc => padd (pscale [] (fst term) (fold_right (fun v acc => pmul (pvar v) acc) (pint 1) (snd term))) acc) [] l.
Definition is_exp (v : var) : bool := match v with Exp _ _ => true | _ => false end.
(* a denominator that is positive whatever the variables are *)
Definition safe (a : ratio) : bool :=
  match snd a with [] => false | p => all_vars is_exp p && forallb (fun mc => Z.ltb 0 (Qnum (snd mc))) p end.
(* a may be put for b wherever b stands for something *)
Definition replaces (a b : ratio) : bool :=
  (pequal (fst a) (fst b) && pequal (snd a) (snd b)) || (safe a && pequal (pmul (fst a) (snd b)) (pmul (fst b) (snd a))).
Definition not_there (v : var) : bool := match v with There _ => false | _ => true end.
Definition to_there (v : var) : var := match v with Here a => There a | _ => v end.
Definition nonneg_var (v : var) : bool :=
  match v with
  | Here R | Here Gap | Here (Count _) | There R | There Gap | There (Count _) | Exp _ _ => true
  | Aux n => N.eqb n 1
  | _ => false
  end.
Definition nonneg (p : poly) : bool := all_vars nonneg_var p && forallb (fun mc => Z.leb 0 (Qnum (snd mc))) p.
Definition above_zero (p : poly) : bool :=
  nonneg p && existsb (fun mc => match fst mc with [] => Z.ltb 0 (Qnum (snd mc)) | _ => false end) p.

(* e to the power of a sum of rationals, rational multiples of square roots and whole multiples of logarithms. *)
Definition rpower (power_of : positive -> poly) (a : Z) : ratio :=
  match a with Z0 => rint 1 | Zpos n => rpoly (power_of n) | Zneg n => (pint 1, power_of n) end.
Definition var_power (v : var) (n : positive) : poly := [([(v, Npos n)], 1%Q)].
Definition int_power (p : positive) (n : positive) : poly := pint (Z.pow (Zpos p) (Zpos n)).
Definition term_exp (D : positive) (m : mono) (c : Q) : option ratio :=
  let whole (q : Q) := if Pos.eqb (Qden (Qred q)) 1 then Some (Qnum (Qred q)) else None in
  let times (b : positive -> poly) (q : Q) := match whole q with Some a => Some (rpower b a) | None => None end in
  match m with
  | [] => times (var_power (Exp None D)) (c * inject_Z (Zpos D))%Q
  | [(Rt p, 1%N)] => times (var_power (Exp (Some p) D)) (c * inject_Z (Zpos D))%Q
  | [(Ln p, 1%N)] => times (int_power p) c
  | _ => None
  end.
Definition exponential (D : positive) (a : ratio) : option ratio :=
  if pequal (snd a) (pint 1) then
    fold_right (fun mc acc => match term_exp D (fst mc) (snd mc), acc with Some x, Some y => Some (rmul x y) | _, _ => None end)
      (Some (rpoly (pint 1))) (fst a)
  else None.

Section Symbolic.
  Variables (c : circuit) (h : hints).

  Definition first_t : nat := if is_some (bos c) then 2 else 1.
  Definition start : nat := Nat.max first_t (S (singles h)).
  Definition period : nat := Nat.max 1 (modulus h).
  Definition is_bos (a : nat) : bool := match bos c with Some b => Nat.eqb a b | None => false end.
  Definition places : list place := map Fixed (seq first_t (start - first_t)) ++ map Mod (seq start period).
  Definition class_list : list nat := seq 0 (length (classes c)).
  Definition cases : list case := flat_map (fun a => if is_bos a then [(a, Fixed 1)] else map (pair a) places) class_list.

  Definition position (p : place) : poly :=
    match p with
    | Fixed n => pint (Z.of_nat n)
    | Mod k => padd (pscale [] (inject_Z (Z.of_nat period)) (pvar (Here R))) (pint (Z.of_nat k))
    end.
  Definition with_T (p : place) (k : poly) : poly -> poly :=
    psubst (fun v => match v with T_ => padd (position p) (pvar (Here Gap)) | Aux 0 => k | v => pvar v end).
  Definition k_ : poly := pvar (Aux 0).

  (* --- weights --- *)

  Definition read_symbol (own idx : bool) (s : symbol) : poly :=
    match s with
    | Sym n => pvar (Symbol (N.of_nat n)) | Len => pvar T_ | Root n => pvar (Rt n) | Log n => pvar (Ln n)
    | Own n => if own then pvar (Here (Owned (N.of_nat n))) else []
    | Idx => if idx then k_ else []
    end.
  Definition read_product (own idx : bool) (l : list symbol) : poly := fold_right (fun s acc => pmul (read_symbol own idx s) acc) (pint 1) l.
  Definition read_weight (own idx : bool) (w : weight) : poly :=
    fold_right (fun term acc => padd (pscale [] (fst term) (read_product own idx (snd term))) acc) [] w.
  Definition read_entry (own idx : bool) (v : vector) (i : nat) : poly :=
    fold_right (fun e acc => if Nat.eqb (fst e) i then padd (read_weight own idx (snd e)) acc else acc) [] v.
  Definition rdot (idx : bool) (v : vector) (x : nat -> ratio) : ratio :=
    fold_right (fun e acc => radd (rmul (rpoly (read_weight false idx (snd e))) (x (fst e))) acc) rzero v.

  (* --- the stream at one position: known coordinates; any other stands for itself --- *)

  Definition stream := list ratio.
  Definition wanted (l i : nat) : bool := existsb (Nat.eqb i) (nth l (needed h) []).
  Definition get (l : nat) (side : local -> var) (s : stream) (i : nat) : ratio :=
    nth i s (rpoly (pvar (side (State (N.of_nat l) (N.of_nat i))))).

  (* --- heads --- *)

  Definition products (a b : list ratio) : ratio := fold_right (fun xy acc => radd (rmul (fst xy) (snd xy)) acc) rzero (combine a b).
  Definition reads (m : list vector) (x : nat -> ratio) : list ratio := map (fun v => rdot false v x) m.
  Definition rscore (hd : head) (q k : list ratio) : ratio := rmul (rpoly (read_weight false false (scale hd))) (products q k).
  Definition rwritten (column : list poly) (v : list ratio) : ratio :=
    fold_right (fun ev acc => match fst ev with [] => acc | _ => radd (rmul (rpoly (fst ev)) (snd ev)) acc end) rzero (combine column v).

  (* The one value that all keys of a class have, if it is one and does not depend on where the key stands. *)
  Definition class_value (values : list (nat * ratio)) (a : nat) : option ratio :=
    match filter (fun kv => Nat.eqb (fst kv) a) values with
    | [] => None
    | (_, v) :: rest => if safe v && ratio_vars not_there v && forallb (fun kv => replaces v (snd kv)) rest then Some v else None
    end.
  Fixpoint all_some {A : Type} (l : list (option A)) : option (list A) :=
    match l with
    | [] => Some []
    | Some a :: rest => match all_some rest with Some r => Some (a :: r) | None => None end
    | None :: _ => None
    end.

  (* How many tokens of class a there are up to t: one BOS; and all of them together are t. *)
  Definition first_class : nat := if is_bos 0 then 1 else 0.
  Definition count_poly (p : place) (a : nat) : poly :=
    if is_bos a then pint 1
    else if Nat.eqb a first_class then
      psub (position p) (fold_right (fun b acc => if Nat.eqb b first_class then acc
                                                  else padd (if is_bos b then pint 1 else pvar (Here (Count (N.of_nat b)))) acc) [] class_list)
    else pvar (Here (Count (N.of_nat a))).

  (* e^(score - the first score), class by class. *)
  Definition factor (s0 s : ratio) : option ratio :=
    if ratio_vars not_there s0 && ratio_vars not_there s && pequal (snd s) (snd s0)
    then exponential (fraction h) (simplify (psub (fst s) (fst s0)) (snd s)) else None.
  Definition class_factors (scores : list (nat * ratio)) : option (list ratio) :=
    match scores with
    | [] => None
    | (_, s0) :: _ =>
        match all_some (map (fun ks => match factor s0 (snd ks) with Some f => Some (fst ks, f) | None => None end) scores) with
        | Some factors => all_some (map (class_value factors) class_list)
        | None => None
        end
    end.
  Definition weighted (p : place) (factors values : list ratio) : ratio :=
    let n := map (fun a => rpoly (count_poly p a)) class_list in
    let top := products n (map (fun fv => rmul (fst fv) (snd fv)) (combine factors values)) in
    let bottom := products n factors in
    rmul top (snd bottom, fst bottom).

  (* What the head can add to coordinate i: the value of each class; all values, if all are known; the one value, if all agree. *)
  Definition head_column (hd : head) (value_rows : list (nat * list ratio)) (i : nat) : list (option ratio) * (option (list ratio) * option ratio) :=
    let column := map (fun v => read_entry false false v i) (W_O hd) in
    let values := map (fun k => (fst k, rwritten column (snd k))) value_rows in
    let table := map (class_value values) class_list in
    (table, match all_some table with
            | Some (v :: rest) => (Some (v :: rest), if forallb (replaces v) rest then Some v else None)
            | _ => (None, None)
            end).
  Definition head_adds (l : nat) (hd : head) (keys : list (nat * (nat -> ratio))) : case -> (nat -> ratio) -> nat -> option ratio :=
    let key_rows := map (fun k => (fst k, reads (W_K hd) (snd k))) keys in
    let value_rows := map (fun k => (fst k, reads (W_V hd) (snd k))) keys in
    let columns := map (fun i => if wanted (S l) i then head_column hd value_rows i else ([], (None, None))) (seq 0 (d_model c)) in
    fun q x =>
      let query := reads (W_Q hd) x in
      let factors := if existsb (fun col => is_some (fst (snd col)) && negb (is_some (snd (snd col)))) columns && negb (is_bos (fst q))
                     then class_factors (map (fun k => (fst k, rscore hd query (snd k))) key_rows) else None in
      fun i =>
        let '(table, (all, one)) := nth i columns ([], (None, None)) in
        if is_bos (fst q) then nth (fst q) table None
        else match one with
             | Some v => Some v
             | None => match all, factors with Some values, Some f => Some (weighted (snd q) f values) | _, _ => None end
             end.

  (* --- hidden units --- *)

  Definition sign (p : place) (pre : ratio) : option bool :=
    if nonneg (with_T p k_ (snd pre)) then
      let num := with_T p k_ (fst pre) in
      if nonneg num then Some true else if nonneg (popp num) then Some false else None
    else None.
  Definition unit_adds (read : vector) (bias : weight) (write : vector) (q : case) (x : nat -> ratio) : nat -> option ratio :=
    let pre := radd (rdot false read x) (rpoly (read_weight false false bias)) in
    let s := sign (snd q) pre in
    fun i => match read_entry false false write i, s with
             | [], _ | _, Some false => Some rzero
             | e, Some true => Some (rmul (rpoly e) pre)
             | _, None => None
             end.

  Definition find_hint (l n : nat) (p : place) : option unit_hint :=
    match find (fun kh => let '(l', n', p') := fst kh in Nat.eqb l l' && Nat.eqb n n' && place_eqb p p') (for_units h) with
    | Some kh => Some (snd kh) | None => None
    end.
  Definition at_k (k : poly) : poly -> poly := psubst (fun v => match v with Aux 0 => k | v => pvar v end).
  Definition not_aux (v : var) : bool := match v with Aux _ => false | _ => true end.

  (* Active exactly up to K: not negative there, not positive beyond; and the range reaches K. *)
  Definition active_up_to (p : place) (pre : ratio) (K : poly) (first rise shift floor : Z) : bool :=
    let j := pvar (Aux 1) in
    let some := psub K (pint (first - 1)) in
    let room := psub (padd (pscale [] (inject_Z rise) (pvar T_)) (pint shift)) (pscale [] (inject_Z floor) K) in
    Z.leb 1 floor && all_vars not_aux (snd pre) && nonneg (with_T p k_ (snd pre)) && nonneg some
    && nonneg (popp (with_T p (padd (padd K (pint 1)) j) (fst pre)))
    && (pequal some [] || (nonneg (with_T p (psub K j) (fst pre)) && nonneg (with_T p k_ room))).
  Definition units_adds (l n : nat) (read : vector) (bias : weight) (write : vector) (first rise shift floor : Z) (q : case) (x : nat -> ratio)
    : nat -> option ratio :=
    match find_hint l n (snd q) with
    | None => fun i => match read_entry false true write i with [] => Some rzero | _ => None end
    | Some u =>
        let pre := radd (rdot true read x) (rpoly (read_weight false true bias)) in
        let K := padd (pscale [] (inject_Z (slope u)) (pvar (Here R))) (pint (offset u)) in
        let active := active_up_to (snd q) pre K first rise shift floor in
        fun i => match read_entry false true write i with
                 | [] => Some rzero
                 | e =>
                     let S := match find (fun s => Nat.eqb (fst s) i) (sums u) with Some s => pread (snd s) | None => [] end in
                     if active && pequal (psub S (at_k (psub k_ (pint 1)) S)) (pmul e (fst pre)) && pequal (at_k (pint (first - 1)) S) []
                     then Some (simplify (at_k K S) (snd pre)) else None
                 end
    end.

  (* --- layers --- *)

  Definition part_adds (l n : nat) (p : part) (keys : list (nat * (nat -> ratio))) : case -> (nat -> ratio) -> nat -> option ratio :=
    match p with
    | Head hd => head_adds l hd keys
    | Opaque writes => fun _ _ i => if existsb (Nat.eqb i) writes then None else Some rzero
    | Bias b => fun _ _ i => Some (rpoly (read_entry false false b i))
    | Unit read bias write => unit_adds read bias write
    | Units read bias write first rise shift floor => units_adds l n read bias write first rise shift floor
    end.
  Fixpoint streams_equal (a b : stream) : bool :=
    match a, b with
    | [], [] => true
    | x :: a, y :: b => pequal (fst x) (fst y) && pequal (snd x) (snd y) && streams_equal a b
    | _, _ => false
    end.
  Fixpoint distinct {A : Type} (alike : A -> A -> bool) (keys : list (A * stream)) : list (A * stream) :=
    match keys with
    | [] => []
    | k :: rest => let r := distinct alike rest in if existsb (fun k' => alike (fst k') (fst k) && streams_equal (snd k') (snd k)) r then r else k :: r
    end.
  Definition key_stream (l : nat) (s : stream) : nat -> ratio := get l There (map (rmap to_there) s).
  Definition keys_of (l : nat) (states : list (case * stream)) : list (nat * (nat -> ratio)) :=
    map (fun k => (fst k, get l There (snd k))) (distinct Nat.eqb (map (fun qs => (fst (fst qs), map (rmap to_there) (snd qs))) states)).
  Definition step (l : nat) (states : list (case * stream)) : list (case * stream) :=
    let keys := keys_of l states in
    let ps := nth l (layers c) [] in
    let adders := map (fun np => (fst np, part_adds l (fst np) (snd np) keys)) (combine (seq 0 (length ps)) ps) in
    map (fun qs =>
      let x := get l Here (snd qs) in
      let fs := map (fun add => (fst add, snd add (fst qs) x)) adders in
      let added i f := match snd f i with Some a => a | None => rpoly (pvar (Here (Added (N.of_nat l) (N.of_nat (fst f)) (N.of_nat i)))) end in
      (fst qs, map (fun i =>
        if wanted (S l) i then fold_right (fun f acc => radd (added i f) acc) (x i) fs
        else rpoly (pvar (Here (State (N.of_nat (S l)) (N.of_nat i))))) (seq 0 (d_model c)))) states.
  Fixpoint states (l : nat) : list (case * stream) :=
    match l with
    | O => map (fun q => (q, map (fun i => rpoly (read_entry true false (nth (fst q) (classes c) []) i)) (seq 0 (d_model c)))) cases
    | S m => step m (states m)
    end.

  (* --- claims --- *)

  Fixpoint rexpr (p : place) (pt pi : poly) (e : expr) : option ratio :=
    let two f a b := match rexpr p pt pi a, rexpr p pt pi b with Some x, Some y => f x y | _, _ => None end in
    match e with
    | Int z => Some (rint z) | Pos => Some (rpoly pt) | Key => Some (rpoly pi) | Length => Some (rpoly (pvar T_))
    | RootOf n => Some (rpoly (pvar (Rt n))) | LogOf n => Some (rpoly (pvar (Ln n)))
    | Plus a b => two (fun x y => Some (radd x y)) a b
    | Minus a b => two (fun x y => Some (rsub x y)) a b
    | Times a b => two (fun x y => Some (rmul x y)) a b
    | Over a b => two (fun x y => let num := with_T p k_ (fst y) in
                                  if above_zero num || above_zero (popp num) then Some (rmul x (snd y, fst y)) else None) a b
    end.
  Definition there (p : poly) : poly := pmap to_there p.
  Definition value_of (q k : case) (e : expr) : option ratio := rexpr (snd q) (position (snd q)) (there (position (snd k))) e.
  Definition may_see (q k : case) : bool := implb (is_bos (fst q)) (Nat.eqb (fst k) (fst q)).
  Definition same_as_first (l : list (option ratio)) (ok : ratio -> bool) : bool :=
    match all_some l with
    | None => false
    | Some [] => true
    | Some (a :: rest) => ok a && forallb (replaces a) rest
    end.

  Definition hide (l : nat) (side : local -> var) (content : list nat) (x : nat -> ratio) (i : nat) : ratio :=
    if existsb (Nat.eqb i) content then rpoly (pvar (side (State (N.of_nat l) (N.of_nat i)))) else x i.
  Definition of_content (l : nat) (content : list nat) (v : var) : bool :=
    match v with
    | Symbol _ | Rt _ | Ln _ | Exp _ _ => true
    | Here (State l' i) | There (State l' i) => N.eqb l' (N.of_nat l) && existsb (Nat.eqb (N.to_nat i)) content
    | _ => false
    end.
  (* What a score can depend on: where a token stands, whether it is BOS, and its stream without the content. *)
  Definition alike (q k : case) : bool := place_eqb (snd q) (snd k) && Bool.eqb (is_bos (fst q)) (is_bos (fst k)).
  Definition faces (l : nat) (side : local -> var) (content : list nat) (x : stream -> nat -> ratio) : list (case * (nat -> ratio)) :=
    map (fun qs => (fst qs, get l side (snd qs)))
      (distinct alike (map (fun qs => (fst qs, map (hide l side content (x (snd qs))) (seq 0 (d_model c)))) (states l))).
  Definition score_rests (l : nat) (hd : head) (e : expr) (content : list nat) : list (option ratio) :=
    let ks := map (fun kv => (fst kv, reads (W_K hd) (snd kv))) (faces l There content (key_stream l)) in
    flat_map (fun qv =>
      let query := reads (W_Q hd) (snd qv) in
      map (fun kv => match value_of (fst qv) (fst kv) e with Some v => Some (rsub (rscore hd query (snd kv)) v) | None => None end)
        (filter (fun kv => may_see (fst qv) (fst kv)) ks)) (faces l Here content (get l Here)).
  Definition score_gaps (l : nat) (one two : head) : bool :=
    let ks := map (fun kv => (fst kv, (reads (W_K one) (snd kv), reads (W_K two) (snd kv)))) (faces l There [] (key_stream l)) in
    forallb (fun qv =>
      let q1 := reads (W_Q one) (snd qv) in
      let q2 := reads (W_Q two) (snd qv) in
      same_as_first (map (fun kv => Some (rsub (rscore one q1 (fst (snd kv))) (rscore two q2 (snd (snd kv)))))
        (filter (fun kv => may_see (fst qv) (fst kv)) ks)) (ratio_vars not_there)) (faces l Here [] (get l Here)).

  Definition check (s : scope) (statement : claim) : bool :=
    fits s c &&
    match statement with
    | Equals l i e =>
        forallb (fun qv => match value_of (fst qv) (fst qv) e with Some v => same (get l Here (snd qv) i) v | None => false end) (states l)
    | Unchanged l l' coordinates =>
        forallb (fun two => forallb (fun i => same (get l Here (snd (fst two)) i) (get l' Here (snd (snd two)) i)) coordinates)
          (combine (states l) (states l'))
    | ScoreIs l n e content =>
        match part_at c l n with
        | Head hd => same_as_first (score_rests l hd e content)
                       (fun a => match content with [] => pequal (fst a) [] | _ => ratio_vars (of_content l content) a end)
        | _ => false
        end
    | SameAttention l n n' =>
        match part_at c l n, part_at c l n' with Head one, Head two => score_gaps l one two | _, _ => false end
    end.
End Symbolic.
